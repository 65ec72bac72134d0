"""Frames in (files, folders, arrays, live iterators), masks out (PNG, COCO, npz, overlay video)."""

from sam2long.video.result import FrameResult
from sam2long.video.source import Frame, VideoSource, open_video

__all__ = ["Frame", "FrameResult", "VideoSource", "open_video"]
