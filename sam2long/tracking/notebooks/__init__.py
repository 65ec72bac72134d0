"""What notebooks need: sessions as HTML, and propagation that does not block an event loop."""
