"""The `.s2l` file: a session written, read, and saved as it goes."""
