"""Encodes films: overlays, mattes and cut-outs."""
