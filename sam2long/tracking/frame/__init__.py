"""One frame at a time: the network on all pathways of all objects, and what comes out of it."""
