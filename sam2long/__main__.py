"""`python -m sam2long` is the command `sam2long`."""

from sam2long.cli.app import main

main()
