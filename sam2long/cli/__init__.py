"""The command line: one small file per command, each turning words into calls on the library."""
