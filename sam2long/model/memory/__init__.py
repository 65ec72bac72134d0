"""From earlier frames to features that know them: memory encoder and memory attention."""
