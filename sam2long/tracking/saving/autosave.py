"""Saves a session at intervals during a long run, without taking much of its time."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sam2long.errors import OutputError

_SHARE = 20
"""After a save, the next one waits at least this many times as long as that save took."""


@dataclass
class AutoSaver:
    """Saves a session at intervals.

    Attributes:
        path: of the file.
        every: minimum number of seconds between the end of one save and the next.
        write: saves the session to a path.
    """

    path: Path
    every: float
    write: Callable[[Path], None]
    _due: float = 0.0

    def __post_init__(self) -> None:
        self._due = time.monotonic() + self.every

    def tick(self) -> None:
        """Save if a save is due. If that fails, for instance on a full disk, only warn, so that tracking continues."""
        if time.monotonic() >= self._due:
            self.try_to_save()

    def try_to_save(self) -> None:
        """Save now; if that fails, warn and leave the file as it was."""
        try:
            self.save()
        except OutputError as error:
            warnings.warn(f"the session could not be saved: {error}", stacklevel=2)

    def save(self) -> None:
        """Save now.

        Raises:
            OutputError: the file cannot be written.
        """
        began = time.monotonic()
        try:
            self.write(self.path)
        finally:
            ended = time.monotonic()
            self._due = ended + max(self.every, _SHARE * (ended - began))
