"""One output file or folder being written, and what happens if it cannot be."""

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

# failures of the disk, the encoder or the source; anything else is a bug
WRITE_ERRORS = (OSError, sqlite3.Error, av.error.FFmpegError, VideoError, MemoryError)


@dataclass
class Output:
    """The output of one writer; its failure does not affect other outputs.

    Attributes:
        writer: writer of the file or folder.
        path: path of the file or folder in the staging folder.
        holds_masks: whether it contains masks; the trace does not, and is useless without them.
        failure: why it could not be written, or None; after a failure a file is removed, a folder keeps its files.
    """

    writer: ResultWriter
    path: Path
    holds_masks: bool = True
    failure: Exception | None = None

    @property
    def useful(self) -> bool:
        """Whether it contains masks, or will once it is finished."""
        return self.holds_masks and (self.failure is None or (self.path.is_dir() and any(self.path.iterdir())))

    def write(self, result: FrameResult) -> None:
        """Write one frame, unless an earlier frame failed; never raises."""
        self._try(lambda: self.writer.write(result))

    def finish(self) -> None:
        """Complete the file or folder, unless it has failed; never raises."""
        self._try(self.writer.finish)

    def _try(self, step: Callable[[], None]) -> None:
        if self.failure is not None:
            return
        try:
            step()
        except Exception as error:  # reported by WriterSet.finish
            self.failure = error
            self.writer.abort()
            if self.path.is_file():
                self.path.unlink()


def why(error: Exception) -> str:
    """Return why results cannot be written, to be used at the end of a sentence."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error)
    if full:
        return "there is no space left; free some, or choose a folder on another disk"
    return str(getattr(error, "strerror", None) or error)
