"""The `.s2l` session archive: written, read, and saved automatically during tracking."""
