"""Memory encoder and memory attention."""
