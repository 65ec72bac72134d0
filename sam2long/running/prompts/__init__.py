"""Prompts as words (the command line, job lists) and as files: parsing and checking."""
