"""What an artificial scene is painted of: backgrounds, figures, textures, the lens."""
