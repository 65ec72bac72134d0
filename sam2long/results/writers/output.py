"""One file or folder of results under way, and what becomes of it when it cannot be written."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av

from sam2long.errors import VideoError
from sam2long.results.result import FrameResult
from sam2long.results.writers.base import ResultWriter

# what a disk, an encoder or the source can do to a writer; anything else is a bug
WRITE_ERRORS = (OSError, sqlite3.Error, av.error.FFmpegError, VideoError, MemoryError)


@dataclass
class Output:
    """What one writer makes; it fails alone.

    Attributes:
        writer: of the file or folder.
        path: of the file or folder, in the staging folder.
        holds_masks: false for what is of no use without them (the trace).
        failure: why it could not be written, else None; a file is gone then, a folder keeps the files it has.
    """

    writer: ResultWriter
    path: Path
    holds_masks: bool = True
    failure: Exception | None = None

    @property
    def useful(self) -> bool:
        """Whether there are masks in it, or may be once it is finished."""
        return self.holds_masks and (self.failure is None or (self.path.is_dir() and any(self.path.iterdir())))

    def write(self, result: FrameResult) -> None:
        """Write one frame, unless an earlier one has failed; never raises."""
        self._try(lambda: self.writer.write(result))

    def finish(self) -> None:
        """Complete the file or folder, unless it has failed; never raises."""
        self._try(self.writer.finish)

    def _try(self, step: Callable[[], None]) -> None:
        if self.failure is not None:
            return
        try:
            step()
        except Exception as error:  # told by WriterSet.finish
            self.failure = error
            self.writer.abort()
            if self.path.is_file():
                self.path.unlink()


def why(error: Exception) -> str:
    """Return what hinders the writing of results, as the end of a sentence."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error)
    if full:
        return "there is no space left; free some, or choose a folder on another disk"
    return str(getattr(error, "strerror", None) or error)
