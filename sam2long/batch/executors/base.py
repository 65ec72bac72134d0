"""Interface of the executors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sam2long.batch.work import Failure, Summary


@dataclass(frozen=True)
class Ready:
    """A worker has loaded its network; `facts` are those of its runner."""

    slot: int
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Beat:
    """Signs of life of a busy worker, see `Pulse`."""

    slot: int
    frames: int
    alive: int


@dataclass(frozen=True)
class Ended:
    """A worker has come to the end of its payload; it is idle."""

    slot: int
    outcome: Summary | Failure


@dataclass(frozen=True)
class Unable:
    """A worker could not load its network and is gone; `hopeless` if no other worker could either."""

    slot: int
    error: str
    hopeless: bool


@dataclass(frozen=True)
class Died:
    """A worker is gone, with what it was doing."""

    slot: int
    reason: str


Event = Ready | Beat | Ended | Unable | Died


class Executor(Protocol):
    """Workers in numbered slots, each of which does one payload at a time.

    Attributes:
        slots: number of workers.
    """

    slots: int

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""

    def start(self, slot: int) -> None:
        """Start a worker in a slot that has none; `Ready`, `Unable` or `Died` follows."""

    def submit(self, slot: int, payload: Any) -> None:
        """Give an idle worker something to do; `Ended` or `Died` follows."""

    def kill(self, slot: int) -> None:
        """End a worker at once; no event of it follows."""

    def wait(self, seconds: float) -> list[Event]:
        """Events since the last call; waits up to `seconds` for the first."""

    def close(self, grace: float) -> None:
        """Ask busy workers to save what they have, wait up to `grace` seconds for them, and end all."""
