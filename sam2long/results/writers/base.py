"""Interface of the streaming result writers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from sam2long.results.result import FrameResult


class ResultWriter(ABC):
    """Writes one format, frame by frame; frames may come in any order, but each only once."""

    @abstractmethod
    def write(self, result: FrameResult) -> None:
        """Write the masks of one frame."""

    @abstractmethod
    def finish(self) -> None:
        """Complete the files; everything written so far is valid afterwards."""

    @abstractmethod
    def abort(self) -> None:
        """Close open files without completing them; never raises."""
