"""Simulates a batch: the real scheduler, fake workers on a clock that jumps to the next event.

    python -m benchmarks.batch_plan [--jobs 100000] [--workers 64] [--report OUT/report.jsonl] [--times 1] [--start 60]
    python -m benchmarks.batch_plan --seconds 60 --spread 0.8

With the report of a real batch, each job is as one that was done: it takes so many seconds `--times` over, and is as
long as that video, which is all that the scheduler knows. Without one, durations are assumed: lognormal with mean
`--seconds`, the standard deviation of their logarithm `--spread`. The scheduler's own processor time is added to the
clock, so that workers wait for it as they would in earnest. What an executor needs to pass messages is not in it.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from sam2long.batch.executors.base import Died, Ended, Event, Ready
from sam2long.batch.result import DONE
from sam2long.batch.scheduler import Limits, Scheduler, Task, TaskDone, TaskFailed
from sam2long.batch.work import Failure


@dataclass
class FakeExecutor:
    """Workers that take a payload's seconds, die at random, and cannot do bad payloads."""

    slots: int
    start_seconds: float
    deaths: float
    draws: random.Random
    clock: float = 0.0
    scheduling: float = 0.0
    _events: list[tuple[float, int, Event]] = field(default_factory=list)
    _left: float | None = None

    def now(self) -> float:
        return self.clock

    def start(self, slot: int) -> None:
        self._push(self.start_seconds, Ready(slot, {}))

    def submit(self, slot: int, payload: Any) -> None:
        seconds, bad = payload
        if self.draws.random() < self.deaths:
            self._push(seconds * self.draws.random(), Died(slot, "node lost"))
        else:
            self._push(seconds, Ended(slot, Failure("cannot be decoded") if bad else {}))

    def kill(self, slot: int) -> None:
        """Nothing of a worker that has ended follows."""

    def wait(self, seconds: float) -> list[Event]:
        if self._left is not None:  # what the scheduler has used since the last call passes on the clock
            used = time.process_time() - self._left
            self.scheduling += used
            self.clock += used
        until = self.clock + seconds
        if self._events and self._events[0][0] <= until:
            self.clock = max(self.clock, self._events[0][0])
        else:
            self.clock = until
        events = []
        while self._events and self._events[0][0] <= self.clock:
            events.append(heapq.heappop(self._events)[2])
        self._left = time.process_time()
        return events

    def close(self, grace: float) -> None:
        """Nothing to end."""

    def _push(self, seconds: float, event: Event) -> None:
        heapq.heappush(self._events, (self.clock + seconds, event.slot, event))


def tasks(args: argparse.Namespace, draws: random.Random) -> Iterator[Task]:
    durations = measured(args, draws) if args.report else assumed(args, draws)
    for number, (seconds, length) in enumerate(islice(durations, args.jobs)):
        yield Task(str(number), (seconds, draws.random() < args.bad), length)


def assumed(args: argparse.Namespace, draws: random.Random) -> Iterator[tuple[float, float]]:
    """Seconds and lengths of jobs without end."""
    middle = math.log(args.seconds) - args.spread**2 / 2
    while True:
        seconds = draws.lognormvariate(middle, args.spread)
        yield seconds, seconds


def measured(args: argparse.Namespace, draws: random.Random) -> Iterator[tuple[float, float]]:
    """The same, each drawn from the jobs that a report calls done."""
    rows = [json.loads(line) for line in args.report.read_text(encoding="utf-8").splitlines()]
    done = [(args.times * row["seconds"], row["frames"]) for row in rows if row["state"] == DONE and row["seconds"]]
    if not done:
        raise SystemExit(f"error: no job of {args.report} is done")
    while True:
        yield draws.choice(done)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--report", type=Path, help="of a batch whose seconds and lengths are drawn")
    parser.add_argument("--times", type=float, default=1.0, help="times as long as those")
    parser.add_argument("--seconds", type=float, default=60, help="mean of a job")
    parser.add_argument("--spread", type=float, default=0.8)
    parser.add_argument("--start", type=float, default=60, help="seconds a worker takes to load the network")
    parser.add_argument("--deaths", type=float, default=0.002, help="probability that a worker dies in an attempt")
    parser.add_argument("--bad", type=float, default=0.01, help="part of the videos that cannot be decoded")
    args = parser.parse_args()
    draws = random.Random(0)
    executor = FakeExecutor(args.workers, args.start, args.deaths, draws)
    done = failed = retried = 0
    first_idle = 0.0
    listed = list(tasks(args, draws))
    for happening in Scheduler(executor, listed, Limits(timeout=None)).run():
        if isinstance(happening, TaskDone):
            done += 1
        elif isinstance(happening, TaskFailed):
            failed, retried = failed + (happening.retry_in is None), retried + (happening.retry_in is not None)
        if done + failed >= args.jobs - args.workers and not first_idle:
            first_idle = executor.clock
    span = executor.clock
    share, tail = executor.scheduling / span, span - first_idle
    print(f"{args.jobs} jobs on {args.workers} workers: {span / 3600:.2f} h")
    print(f"{done} done, {failed} failed for good, {retried} attempts repeated")
    print(f"scheduler: {executor.scheduling:.1f} s of processor time, {100 * share:.3f}% of the time")
    print(f"tail, from the last {args.workers} jobs on: {tail:.0f} s, {100 * tail / span:.2f}%")


if __name__ == "__main__":
    main()
