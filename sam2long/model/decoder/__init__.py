"""From prompts and image features to masks."""
