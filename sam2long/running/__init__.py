"""One tracking run: prompts, checks, result files, saving and resuming. It knows no terminal and no commands."""
