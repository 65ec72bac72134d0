"""Frames in: video files, pictures, arrays, live streams. Knows nothing of networks."""

from sam2long.video.open import open_video
from sam2long.video.source import Frame, VideoSource

__all__ = ["Frame", "VideoSource", "open_video"]
