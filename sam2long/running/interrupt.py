"""Requests to stop, mostly by Ctrl-C and SIGTERM: they interrupt the wait for the next result, never its writing."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, TypeVar

INTERRUPT_STATUS = 130
"""Exit status that shells report for a command ended by Ctrl-C."""

TERMINATED_STATUS = 143
"""Exit status after SIGTERM, which schedulers send at a time limit and `docker stop` sends first."""

Item = TypeVar("Item")


class Terminated(KeyboardInterrupt):
    """Raised on SIGTERM and handled like Ctrl-C."""


class Stop:
    """A request to stop early, which ends `until_asked`; a context manager, since subclasses may watch for something.

    Attributes:
        asked: whether a stop has been requested.
        status: exit status that corresponds to the request.
    """

    def __init__(self) -> None:
        self.asked, self.status = False, INTERRUPT_STATUS
        self._waiting = False

    @property
    def who(self) -> str:
        """Who requested the stop, for messages."""
        return "SIGTERM" if self.status == TERMINATED_STATUS else "Ctrl-C"

    def __enter__(self) -> Stop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave everything as it was."""

    def ask(self) -> None:
        """Request a stop as SIGTERM does; the item that is being waited for still arrives. Any thread may call this."""
        self.status, self.asked = TERMINATED_STATUS, True

    def until_asked(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield items until a stop is requested; after a signal, the item being waited for is dropped.

        Raises:
            Exception: whatever `items` raises, except after a request, when it may just report the interruption.
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


class StopSignals(Stop):
    """Context in which Ctrl-C and SIGTERM only end `until_asked`; repeated signals are ignored, even after the context.

    Attributes:
        asked: whether a signal has requested a stop.
        status: exit status that corresponds to the signal.
    """

    def __init__(self) -> None:
        super().__init__()
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.getsignal(number)
            # Shells start background jobs with SIGINT ignored; respect that.
            if self._previous[number] is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After a stop request the program is shutting down; another Ctrl-C must not interrupt the clean-up.
        if not self.asked:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self.status = TERMINATED_STATUS if number == signal.SIGTERM else INTERRUPT_STATUS
        if self._waiting:
            raise KeyboardInterrupt


@dataclass
class Termination:
    """Whether SIGTERM has come; libraries may have taken its exception for that of Ctrl-C."""

    came: bool = False


def raise_on_sigterm() -> Termination:
    """Make SIGTERM end the program like Ctrl-C, with its own exit status, unless the parent process ignores it."""
    termination = Termination()

    def stop(number: int, frame: FrameType | None) -> None:
        termination.came = True
        raise Terminated

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, stop)
    return termination
