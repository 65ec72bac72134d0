"""One run: network, progress, Ctrl-C, saving, the closing line."""
