"""`--json`: what happens during a command as JSON lines on standard output (docs/json-lines.md)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType

import typer

from sam2long.batch.result import DONE, FAILED, RUNNING, STATES, WAITING
from sam2long.results.result import FrameResult

EVERY = 2.0
"""Seconds between two lines about the progress of a job."""


class Events:
    """Prints one line per event, as `batch --json` does.

    Args:
        jobs: number of jobs that the command has: runs, videos or measurements.
    """

    def __init__(self, jobs: int = 1) -> None:
        self._counts = {**dict.fromkeys(STATES, 0), WAITING: jobs}

    def tell(self, event: str, job: str | None = None, **facts: object) -> None:
        """Print an event; `counts` and the job's name come with it."""
        named = {} if job is None else {"job": job}
        typer.echo(json.dumps({"event": event, **named, **facts, "counts": self._counts}, default=str))

    def started(self, job: str, total: int | None = None, **facts: object) -> None:
        """A job begins; `total` is the number of frames to expect, or None if it is not known."""
        self._move(WAITING, RUNNING)
        self.tell("started", job, state=RUNNING, total=total, **facts)

    def done(self, job: str, **facts: object) -> None:
        """A job has ended well."""
        self._move(RUNNING if self._counts[RUNNING] else WAITING, DONE)
        self.tell("done", job, state=DONE, **facts)

    def failed(self, job: str, error: str, **facts: object) -> None:
        """A job has ended too early."""
        self._move(RUNNING, FAILED)
        self.tell("failed", job, state=FAILED, error=error, **facts)

    def result(self, **found: object) -> None:
        """The last line of a command that finds something out."""
        self.tell("result", result=found)

    def settle(self) -> None:
        """The jobs that still wait were done by an earlier run of the same command."""
        self._counts[DONE] += self._counts[WAITING]
        self._counts[WAITING] = 0

    def _move(self, before: str, after: str) -> None:
        self._counts[before] = max(0, self._counts[before] - 1)
        self._counts[after] += 1


class JobEvents:
    """Tells of the progress of one job; takes the place of `TrackProgress`.

    Args:
        events: prints them.
        job: name of the job.
        total: number of frames to expect, or None if it is not known.
        out: output folder of the job, or None.
    """

    def __init__(self, events: Events, job: str, total: int | None, out: Path | None = None) -> None:
        self._events, self._job, self._total, self._out = events, job, total, out
        self._frames, self._begun, self._told = 0, time.monotonic(), 0.0

    def __enter__(self) -> JobEvents:
        self._events.started(self._job, self._total, out=self._out)
        self._begun = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end: whoever runs the job says how it ended."""

    def update(self, result: FrameResult) -> None:
        """Count a result."""
        self.advance()

    def advance(self) -> None:
        """Count a frame; the first one is told, and then one every two seconds."""
        self._frames += 1
        now = time.monotonic()
        if self._frames > 1 and now - self._told < EVERY:
            return
        self._told = now
        speed = self._frames / max(now - self._begun, 1e-9)
        left = None if self._total is None else round(max(0, self._total - self._frames) / speed, 1)
        self._events.tell(
            "progress",
            self._job,
            frames=self._frames,
            total=self._total,
            frames_per_second=round(speed, 3),
            seconds_left=left,
        )


_current: Events | None = None


def choose(as_json: bool, jobs: int = 1) -> Events | None:
    """Say at the start of a command whether it prints events; returns what prints them, or None."""
    global _current
    _current = Events(jobs) if as_json else None
    return _current


def current() -> Events | None:
    """What prints the events of this command, or None if it speaks to people."""
    return _current
