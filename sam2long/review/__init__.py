"""Suggests which frames to check: doubt in masks, and suggestions. Works on results alone, however they were made."""
