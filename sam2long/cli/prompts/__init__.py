"""Parsing and checking of prompts from the command line and from files."""
