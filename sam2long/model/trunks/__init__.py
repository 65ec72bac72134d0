"""Image trunks, one file per family."""
