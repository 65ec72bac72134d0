"""Masks out: what tracking says of a frame, its forms in other libraries, and files of it. Knows `video` only."""

from sam2long.results.result import FrameResult

__all__ = ["FrameResult"]
