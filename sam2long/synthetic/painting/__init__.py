"""The parts of a synthetic scene: backgrounds, figures, textures, and the lens."""
