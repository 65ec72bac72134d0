"""Video files as frames: decoding, seeking, time stamps, damage."""
