"""The version, on its own so that the build reads it without importing PyTorch."""

VERSION = "0.1.0"
