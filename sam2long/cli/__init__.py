"""The command line: one small file per command, each of which parses its options and calls the library."""
