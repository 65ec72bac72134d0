"""Ctrl-C that cuts short the wait for the next result, and never the writing of one."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import TypeVar

INTERRUPT_STATUS = 130
"""What shells report for a command that Ctrl-C ended."""

Item = TypeVar("Item")


class CtrlC:
    """While entered, Ctrl-C ends `until_pressed` and nothing else; further presses do no harm, even afterwards.

    Attributes:
        pressed: whether the user asked to stop.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._waiting = False
        self._previous: object = None

    def __enter__(self) -> CtrlC:
        self._previous = signal.getsignal(signal.SIGINT)
        # A shell starts background jobs with SIGINT ignored; that choice stays.
        if self._previous is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._on_press)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Once pressed, the program is on its way out; an impatient further press must not tear what closes behind it.
        if not self.pressed and self._previous is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._previous)  # type: ignore[arg-type]

    def until_pressed(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yields items until Ctrl-C; the item being waited for is then given up.

        Raises:
            Exception: what `items` raises, unless that is how a library reports the interruption.
        """
        iterator = iter(items)
        try:
            while not self.pressed:
                self._waiting = True
                item = next(iterator, None)
                self._waiting = False
                if item is None:
                    return
                yield item
        except (KeyboardInterrupt, Exception):
            if not self.pressed:
                raise
        finally:
            self._waiting = False

    def _on_press(self, number: int, frame: FrameType | None) -> None:
        self.pressed = True
        if self._waiting:
            raise KeyboardInterrupt
