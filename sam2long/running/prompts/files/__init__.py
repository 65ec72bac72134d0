"""Prompts from files of other tools: one module per format, which says what is marked on which frame."""
