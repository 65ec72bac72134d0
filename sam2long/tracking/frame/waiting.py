"""A frame between its visit and its result."""

from __future__ import annotations

from dataclasses import dataclass, field

from sam2long.tracking.frame.outcome import Outcome


@dataclass(slots=True)
class WaitingFrame:
    """A visited frame that waits until each of its objects has an outcome.

    Attributes:
        frame: frame number.
        time: presentation time in seconds.
        objects: ids of the objects present on it.
        outcomes: by object id, as far as they are decided.
    """

    frame: int
    time: float
    objects: tuple[int, ...]
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every object is decided, and with them the frame."""
        return len(self.outcomes) == len(self.objects)
