"""Trunks of the image encoder, one file per family."""
