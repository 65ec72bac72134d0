"""Fits the heads that score masks to what the finished network does on long clips, all other weights frozen."""
