"""Pictures as frames: folders, globs, many pages in one file."""
