"""Command-line options and their parsing."""
