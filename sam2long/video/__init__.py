"""Reads frames from video files, images, arrays and live streams; independent of the networks."""

from sam2long.video.open import open_video
from sam2long.video.source import Frame, VideoSource

__all__ = ["Frame", "VideoSource", "open_video"]
