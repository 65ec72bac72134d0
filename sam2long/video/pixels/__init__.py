"""Converts stored values to 8-bit RGB: bit depths, colour matrices and HDR."""
