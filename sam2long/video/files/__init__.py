"""Video files: decoding, seeking, time stamps and damaged files."""
