"""Prompts on a command line and in a file: their grammar, their meaning."""
