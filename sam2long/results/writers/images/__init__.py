"""Formats made of pixels: mask images, films, layers and arrays."""
