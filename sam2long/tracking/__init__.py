"""Joins network, tree and video: `Tracker` follows objects frame by frame, `Session` is what users work with."""

from sam2long.tracking.preview import Preview
from sam2long.tracking.session import Session
from sam2long.tracking.tracker import Tracker

__all__ = ["Preview", "Session", "Tracker"]
