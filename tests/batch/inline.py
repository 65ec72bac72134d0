"""An executor that works in this very process, for tests of what is done and not of who does it."""

from __future__ import annotations

import time
from typing import Any

from sam2long.batch.executors.base import Ended, Event, Ready
from sam2long.batch.work import Place, Pulse, Runner, Work, attempt
from sam2long.running.interrupt import Stop


class InlineExecutor:
    """One worker; every payload is done when its end is waited for."""

    def __init__(self, work: Work) -> None:
        self.slots = 1
        self._work = work
        self._runner: Runner | None = None
        self._payloads: list[Any] = []
        self._events: list[Event] = []

    def now(self) -> float:
        return time.monotonic()

    def start(self, slot: int) -> None:
        self._runner = self._work.start(Place("cpu"))
        self._events.append(Ready(slot, self._runner.facts))

    def submit(self, slot: int, payload: Any) -> None:
        self._payloads.append(payload)

    def kill(self, slot: int) -> None:
        self._runner = None

    def wait(self, seconds: float) -> list[Event]:
        events, self._events = self._events, []
        if not events and not self._payloads:
            time.sleep(min(seconds, 0.01))
        for payload in self._payloads:
            assert self._runner is not None
            outcome = attempt(self._runner, payload, Pulse(), Stop())
            assert outcome is not None
            events.append(Ended(0, outcome))
        self._payloads.clear()
        return events

    def close(self, grace: float) -> None:
        self._runner = None
