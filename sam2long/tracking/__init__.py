"""Connects network, tree and video: `Session` is the user's interface, `Tracker` runs the network frame by frame."""

from sam2long.tracking.frame.tracker import Tracker
from sam2long.tracking.notebooks.following import follow
from sam2long.tracking.preview import Preview
from sam2long.tracking.prompting.reference import Reference
from sam2long.tracking.session import Session

__all__ = ["Preview", "Reference", "Session", "Tracker", "follow"]
