"""Images as frames: folders, globs and multi-page files."""
