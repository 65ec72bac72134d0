"""Ctrl-C and SIGTERM cut short the wait for the next result, and never the writing of one."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, TypeVar

INTERRUPT_STATUS = 130
"""What shells report for a command that Ctrl-C ended."""

TERMINATED_STATUS = 143
"""The same for SIGTERM, which schedulers send at a time limit and `docker stop` sends first."""

Item = TypeVar("Item")


class Terminated(KeyboardInterrupt):
    """SIGTERM, treated as Ctrl-C is."""


class StopSignals:
    """While entered, Ctrl-C and SIGTERM end `until_asked` and nothing else; further ones do no harm, even afterwards.

    Attributes:
        asked: whether a signal asked to stop.
        status: the exit status that says which one.
    """

    def __init__(self) -> None:
        self.asked, self.status = False, INTERRUPT_STATUS
        self._waiting = False
        self._previous: dict[int, Any] = {}

    @property
    def who(self) -> str:
        """Who asked, for messages."""
        return "SIGTERM" if self.status == TERMINATED_STATUS else "you"

    def __enter__(self) -> StopSignals:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.getsignal(number)
            # A shell starts background jobs with SIGINT ignored; that choice stays.
            if self._previous[number] is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Once asked, the program is on its way out; an impatient further press must not tear what closes behind it.
        if not self.asked:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def until_asked(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yields items until a signal asks to stop; the item being waited for is then given up.

        Raises:
            Exception: what `items` raises, unless that is how a library reports the interruption.
        """
        iterator = iter(items)
        try:
            while not self.asked:
                self._waiting = True
                item = next(iterator, None)
                self._waiting = False
                if item is None:
                    return
                yield item
        except (KeyboardInterrupt, Exception):
            if not self.asked:
                raise
        finally:
            self._waiting = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self.status = TERMINATED_STATUS if number == signal.SIGTERM else INTERRUPT_STATUS
        if self._waiting:
            raise KeyboardInterrupt


def raise_on_sigterm() -> None:
    """Let SIGTERM end the program as Ctrl-C does, with its own exit status, unless whoever started it ignores it."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, stop)
