"""Saves while a long run goes on, without taking much of its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
        """Save if it is time."""
        if time.monotonic() >= self._due:
            self.save()

    def save(self) -> None:
        """Save now."""
        began = time.monotonic()
        self.write(self.path)
        ended = time.monotonic()
        self._due = ended + max(self.every, _SHARE * (ended - began))
