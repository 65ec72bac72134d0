"""Saves while a long run goes on, without taking much of its time."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sam2long.errors import OutputError

_SHARE = 20
"""A save that takes long is repeated only after this many times as long."""


@dataclass
class AutoSaver:
    """Saves now and then.

    Attributes:
        path: of the file.
        every: seconds from the end of one save to the next, at least.
        write: does the saving.
    """

    path: Path
    every: float
    write: Callable[[Path], None]
    _due: float = 0.0

    def __post_init__(self) -> None:
        self._due = time.monotonic() + self.every

    def tick(self) -> None:
        """Save if it is time; a full disk is no reason to stop tracking, so it is only warned of."""
        if time.monotonic() >= self._due:
            self.try_to_save()

    def try_to_save(self) -> None:
        """Save now, and warn if that is not possible; the file is then as it was before."""
        try:
            self.save()
        except OutputError as error:
            warnings.warn(f"the session is not saved for now: {error}", stacklevel=2)

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
