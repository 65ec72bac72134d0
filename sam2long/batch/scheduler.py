"""Decides which worker does what, and what happens after a failure; the same for every executor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any

from sam2long.batch.executors.base import Beat, Ended, Event, Executor, Ready, Unable
from sam2long.batch.work import Failure, Summary
from sam2long.errors import BatchError

_MOST_STARTS = 3
"""Starts in a row that a slot may fail before it is given up."""
_TICK = 1.0
"""Longest wait in seconds, so that whoever watches can show the time."""


@dataclass(frozen=True)
class Task:
    """Something a worker can do at once.

    Attributes:
        name: unique.
        payload: what the runner gets.
        size: expected effort; the largest tasks go first.
        after: names of tasks that must be done before.
    """

    name: str
    payload: Any
    size: float = 0.0
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """How patient a scheduler is.

    Attributes:
        retries: attempts after the first one.
        backoff: seconds before the second attempt; doubled for each further one.
        timeout: seconds without a sign of life after which a busy worker is killed; None for no limit.
    """

    retries: int = 2
    backoff: float = 10.0
    timeout: float | None = 600.0


@dataclass(frozen=True)
class WorkerReady:
    """A worker has loaded its network."""

    facts: Mapping[str, str]


@dataclass(frozen=True)
class TaskStarted:
    """A worker has begun with a task."""

    task: Task
    slot: int
    attempt: int


@dataclass(frozen=True)
class TaskProgress:
    """`frames` results of a task have been written, within `seconds` since it began."""

    task: Task
    frames: int
    seconds: float


@dataclass(frozen=True)
class TaskDone:
    """A task is done; `seconds` are those of the last attempt."""

    task: Task
    attempts: int
    seconds: float
    summary: Summary


@dataclass(frozen=True)
class TaskFailed:
    """An attempt has failed; `retry_in` seconds later comes the next, or never if it is None."""

    task: Task
    attempts: int
    failure: Failure
    retry_in: float | None


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


Happening = WorkerReady | TaskStarted | TaskProgress | TaskDone | TaskFailed | Tick


@dataclass
class _Slot:
    """A worker: starting, idle (`ready`), busy (`task`) or given up."""

    ready: bool = False
    task: Task | None = None
    began: float = 0.0
    alive: int = -1
    heard: float = 0.0
    failed_starts: int = 0
    given_up: bool = False


@dataclass
class Scheduler:
    """Runs tasks on an executor, the largest first, each until it is done or has failed too often.

    Attributes:
        executor: whose workers do them.
        tasks: what to do.
        limits: how patient to be.
        attempts: failed attempts that tasks already have, by name.
    """

    executor: Executor
    tasks: Sequence[Task]
    limits: Limits = Limits()
    attempts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._failed = dict(self.attempts)
        self._left = {task.name: task for task in self.tasks}
        self._order = {task.name: number for number, task in enumerate(self.tasks)}
        self._done: set[str] = set()
        self._waiting_for: dict[str, list[Task]] = {}
        for task in self.tasks:
            for name in task.after:
                self._waiting_for.setdefault(name, []).append(task)
        self._queue = [self._entry(task) for task in self.tasks if not task.after]
        heapify(self._queue)
        self._later: list[tuple[float, int, Task]] = []
        self._slots: list[_Slot] = []

    def run(self) -> Iterator[Happening]:
        """Do all tasks, and yield what happens; closing the iterator leaves running tasks to the executor's `close`.

        Raises:
            BatchError: no worker can be started.
        """
        self._slots = [_Slot() for _ in range(min(self.executor.slots, len(self.tasks)))]
        for slot in range(len(self._slots)):
            self.executor.start(slot)
        while self._left:
            yield from self._dispatch()
            for event in self.executor.wait(self._patience()):
                yield from self._take(event)
            yield from self._end_hanging()
            yield Tick()

    def _entry(self, task: Task) -> tuple[float, int, Task]:
        return -task.size, self._order[task.name], task

    def _dispatch(self) -> Iterator[Happening]:
        now = self.executor.now()
        while self._later and self._later[0][0] <= now:
            heappush(self._queue, self._entry(heappop(self._later)[2]))
        for number, slot in enumerate(self._slots):
            if not self._queue:
                return
            if slot.ready and slot.task is None:
                slot.task = heappop(self._queue)[2]
                slot.began = slot.heard = now
                slot.alive = -1
                self.executor.submit(number, slot.task.payload)
                yield TaskStarted(slot.task, number, self._failed.get(slot.task.name, 0) + 1)

    def _patience(self) -> float:
        """Seconds until something has to be done."""
        moments = [self._later[0][0]] if self._later else []
        if self.limits.timeout is not None:
            moments += [slot.heard + self.limits.timeout for slot in self._slots if slot.task is not None]
        return max(0.0, min([_TICK, *(moment - self.executor.now() for moment in moments)]))

    def _take(self, event: Event) -> Iterator[Happening]:
        slot = self._slots[event.slot]
        if isinstance(event, Ready):
            slot.ready, slot.failed_starts = True, 0
            yield WorkerReady(event.facts)
        elif isinstance(event, Beat):
            if slot.task is not None and event.alive != slot.alive:
                slot.alive, slot.heard = event.alive, self.executor.now()
                yield TaskProgress(slot.task, event.frames, slot.heard - slot.began)
        elif isinstance(event, Ended):
            yield from self._take_outcome(event.slot, event.outcome)
        elif isinstance(event, Unable):
            if event.hopeless:
                raise BatchError(f"workers cannot start: {event.error}")
            self._start_again(event.slot, event.error)
        else:
            yield from self._take_death(event.slot, event.reason)

    def _take_outcome(self, number: int, outcome: Summary | Failure) -> Iterator[Happening]:
        slot = self._slots[number]
        task, slot.task = slot.task, None
        assert task is not None
        if isinstance(outcome, Failure):
            if outcome.broken:
                self._replace(number)
            yield from self._fail(task, outcome)
            return
        del self._left[task.name]
        self._done.add(task.name)
        for other in self._waiting_for.get(task.name, ()):
            if self._done.issuperset(other.after):
                heappush(self._queue, self._entry(other))
        attempts = self._failed.get(task.name, 0) + 1
        yield TaskDone(task, attempts, self.executor.now() - slot.began, outcome)

    def _take_death(self, number: int, reason: str) -> Iterator[Happening]:
        slot = self._slots[number]
        task, slot.task = slot.task, None
        if task is None and not slot.ready:
            self._start_again(number, reason)
        else:
            self._replace(number)
        if task is not None:
            yield from self._fail(task, Failure(reason))

    def _replace(self, number: int) -> None:
        self.executor.kill(number)
        self._slots[number].ready = False
        self.executor.start(number)

    def _start_again(self, number: int, reason: str) -> None:
        slot = self._slots[number]
        slot.failed_starts += 1
        if slot.failed_starts < _MOST_STARTS:
            self._replace(number)
            return
        slot.given_up = True
        if all(other.given_up for other in self._slots):
            raise BatchError(f"workers cannot start: {reason}")

    def _end_hanging(self) -> Iterator[Happening]:
        if self.limits.timeout is None:
            return
        for number, slot in enumerate(self._slots):
            if slot.task is not None and self.executor.now() - slot.heard >= self.limits.timeout:
                task, slot.task = slot.task, None
                self._replace(number)
                yield from self._fail(
                    task, Failure(f"no frame was read or written for {self.limits.timeout:g} s; the worker was killed")
                )

    def _fail(self, task: Task, failure: Failure) -> Iterator[Happening]:
        attempts = self._failed[task.name] = self._failed.get(task.name, 0) + 1
        if failure.lasting or attempts > self.limits.retries:
            yield from self._quarantine(task, attempts, failure)
            return
        pause = self.limits.backoff * 2 ** (attempts - 1)
        heappush(self._later, (self.executor.now() + pause, self._order[task.name], task))
        yield TaskFailed(task, attempts, failure, pause)

    def _quarantine(self, task: Task, attempts: int, failure: Failure) -> Iterator[Happening]:
        """Give up a task, and with it those that need it."""
        if self._left.pop(task.name, None) is None:
            return
        yield TaskFailed(task, attempts, failure, None)
        for other in self._waiting_for.get(task.name, ()):
            yield from self._quarantine(other, attempts, failure)
