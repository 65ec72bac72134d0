"""Trains and measures the bundled `nano` model on synthetic videos."""
