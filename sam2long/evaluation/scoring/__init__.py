"""Metrics, and the rules by which each benchmark applies them."""
