"""Executing one run: loading the network, progress, Ctrl-C, saving and the final message."""
