"""Weights: published names, files as training scripts leave them, the hub."""
