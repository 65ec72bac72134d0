"""What the user gives and takes back: prompts, edits, undo, and the conditioning frames they make."""
