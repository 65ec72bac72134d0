"""What a terminal shows of a run: progress and the final message."""
