"""Storage per frame: results on disk, packed masks, cached image features."""
