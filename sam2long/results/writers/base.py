"""What every streaming writer of results looks like."""

from __future__ import annotations

from abc import ABC, abstractmethod

from sam2long.results.result import FrameResult


class ResultWriter(ABC):
    """Writes one format, frame by frame, in any order of frames but no frame twice."""

    @abstractmethod
    def write(self, result: FrameResult) -> None:
        """Write the masks of one frame."""

    @abstractmethod
    def finish(self) -> None:
        """Complete the files; what was written so far is valid afterwards."""

    @abstractmethod
    def abort(self) -> None:
        """Let go of open files without completing them; never raises."""
