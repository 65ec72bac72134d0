"""The user's input: prompts, edits and undo, and the conditioning frames that prompts turn into."""
