"""How far a propagation has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a propagation has come; an edit can set it back.

    Attributes:
        frame: the frame visited last, or None before the first visit.
        done: number of frames of the range that lie behind.
        total: number of frames in the range, or None if the length of the video is unknown.
        undecided: number of visited frames that are not decided yet, because their pathways disagree.
        cancelled: whether `Session.cancel` has asked it to end.
    """

    frame: int | None
    done: int
    total: int | None
    undecided: int
    cancelled: bool
