"""The command line: one small file a command, each turning words into calls on the library."""
