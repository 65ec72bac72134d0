"""What is kept of each frame: results on disk, packed masks, image features."""
