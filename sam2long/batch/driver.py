"""Hands out the jobs of a batch and keeps its books."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sam2long.batch.executors.base import Executor
from sam2long.batch.job import Job, Settings
from sam2long.batch.ledger import Ledger, forgiven, settled
from sam2long.batch.report import write_report
from sam2long.batch.result import DONE, FAILED, RUNNING, WAITING, Result, counts
from sam2long.batch.scheduler import (
    Happening,
    Limits,
    Scheduler,
    Task,
    TaskDone,
    TaskFailed,
    TaskProgress,
    TaskStarted,
    WorkerReady,
)
from sam2long.batch.segments import segments
from sam2long.batch.shard import Shard
from sam2long.batch.tracking import TrackSegment, TrackVideo, TrackWork
from sam2long.batch.work import Work
from sam2long.errors import UserError
from sam2long.running.models import ModelChoice
from sam2long.running.prompts.parsed import Prompt
from sam2long.video import open_video

GRACE = 20.0
"""Seconds that busy workers have to save their sessions when a batch is interrupted."""

_REPORT_EVERY, _REPORT_SHARE = 30.0, 200
"""Seconds between two reports of a batch that is not done yet, and how many times as long as writing one they are."""

OpenExecutor = Callable[[Work, int], Executor]
"""Opens an executor for some work and a number of tasks."""


@dataclass(frozen=True)
class Batch:
    """What to do.

    Attributes:
        jobs: the whole list, also the jobs of other shards.
        out: output folder; a job's results go into its folder `JOB`.
        network: to track with.
        settings: of jobs that have none of their own.
        shard: the part of the jobs that this process does.
        limits: retries, their pauses, and the time after which a hanging worker is killed.
        retry_failed: also do the jobs that have failed for good before.
        split_at_prompts: track segments of a video apart, see `segments`.
    """

    jobs: Sequence[Job]
    out: Path
    network: ModelChoice
    settings: Settings = field(default_factory=Settings)
    shard: Shard = field(default_factory=Shard)
    limits: Limits = field(default_factory=Limits)
    retry_failed: bool = False
    split_at_prompts: bool = False

    def described(self) -> dict[str, object]:
        """Everything that must stay the same when the batch is resumed."""
        return {
            "network": self.network.described(),
            "tracking": self.settings.described(),
            "split_at_prompts": self.split_at_prompts,
        }


@dataclass(frozen=True)
class Update:
    """Something has happened to a job; `kind` is started, progress, retry, done, failed, or tick for none.

    Attributes:
        result: what is known of the job now; None for a tick.
        frames: written so far in the running attempt.
        frames_per_second: of the running attempt so far.
        retry_in: seconds until the next attempt.
        left: estimated seconds until all jobs of this process are done, or None.
        counts: number of jobs of this process in each state.
    """

    kind: str
    result: Result | None = None
    frames: int = 0
    frames_per_second: float = 0.0
    retry_in: float | None = None
    left: float | None = None
    counts: dict[str, int] = field(default_factory=dict)


def drive(batch: Batch, open_executor: OpenExecutor) -> Iterator[Update]:
    """Do what is not done yet, and yield what happens. If it is closed early, busy workers save their sessions.

    Raises:
        BatchError: the output folder belongs to another batch, or no worker can be started.
        ConfigError: the executor cannot be used.
        OutputError: a format cannot be written.
    """
    batch.settings.check()
    ledger = Ledger(batch.out, batch.shard)
    known = settled(ledger.open(batch.described(), batch.jobs))
    try:
        if batch.retry_failed:
            known = {name: forgiven(result) for name, result in known.items()}
        board = _Board(batch, known)
        tasks = board.tasks()
        if tasks:
            executor = open_executor(TrackWork(batch.network, batch.settings, batch.out), len(tasks))
            yield from _reported(batch, _run(ledger, board, executor, tasks, batch.limits))
        yield board.tick()
    finally:
        ledger.close()
        write_report(batch.out, batch.jobs)


def _reported(batch: Batch, updates: Iterator[Update]) -> Iterator[Update]:
    """Pass updates on, and write the reports anew now and then; with many jobs less often, since it takes longer."""
    due = time.monotonic() + _REPORT_EVERY
    for update in updates:
        yield update
        if (began := time.monotonic()) >= due:
            write_report(batch.out, batch.jobs)
            due = time.monotonic() + max(_REPORT_EVERY, _REPORT_SHARE * (time.monotonic() - began))


def _run(ledger: Ledger, board: _Board, executor: Executor, tasks: list[Task], limits: Limits) -> Iterator[Update]:
    attempts = {job_id: result.attempts for job_id, result in board.results.items()}
    grace = GRACE
    try:
        for happening in Scheduler(executor, tasks, limits, attempts).run():
            if isinstance(happening, WorkerReady):
                ledger.agree(happening.facts)
            elif (update := board.note(happening)) is not None:
                if update.kind != "progress" and update.result is not None:
                    ledger.write(update.result)
                yield update
            else:
                yield board.tick()
        grace = 0.0
    finally:
        executor.close(grace)


class _Board:
    """The state of all jobs of this process."""

    def __init__(self, batch: Batch, known: dict[str, Result]) -> None:
        self._batch = batch
        self._jobs = {job.id: job for job in batch.shard.of_jobs(batch.jobs)}
        blank = {job_id: Result(job_id, digest=job.digest) for job_id, job in self._jobs.items()}
        self.results = {job_id: replace(known.get(job_id, new), digest=new.digest) for job_id, new in blank.items()}
        self._counts = counts(self.results.values())
        self._sizes: dict[str, float] = {}
        self._seconds: dict[str, float] = {}
        self._left = self._done = 0.0
        self._began: float | None = None

    def tasks(self) -> list[Task]:
        """A task per job that is left, or one per segment and one to join them."""
        jobs = [job for job_id, job in self._jobs.items() if self.results[job_id].state == WAITING]
        self._sizes = {job.id: video_size(Path(job.video)) for job in jobs}
        self._left = sum(self._sizes.values())
        return [task for job in jobs for task in self._tasks_of(job)]

    def note(self, happening: Happening) -> Update | None:
        """Take notice of something that the scheduler tells; None if it is not about a job as a whole."""
        if isinstance(happening, TaskStarted):
            return self._started(happening)
        if isinstance(happening, TaskProgress):
            speed = happening.frames / max(happening.seconds, 1e-9)
            result = self.results[happening.task.payload.job.id]
            return self._update("progress", result, frames=happening.frames, frames_per_second=round(speed, 3))
        if isinstance(happening, TaskDone):
            return self._finished(happening)
        if isinstance(happening, TaskFailed):
            return self._failed(happening)
        return None

    def tick(self) -> Update:
        """How things stand."""
        return self._update("tick", None)

    def _tasks_of(self, job: Job) -> list[Task]:
        size, cuts = self._sizes[job.id], []
        if self._batch.split_at_prompts and job.session is None and not job.like:
            settings = self._batch.settings.of(job)
            with suppress(UserError):  # the worker will say the same
                cuts = segments(_prompts(job, settings), settings.frames)
        if len(cuts) < 2:
            return [Task(job.id, TrackVideo(job), size)]
        parts = [
            Task(f"{job.id}/{number}", TrackSegment(job, number, segment), size / len(cuts))
            for number, segment in enumerate(cuts)
        ]
        return [*parts, Task(job.id, TrackVideo(job, len(cuts)), size, tuple(part.name for part in parts))]

    def _started(self, started: TaskStarted) -> Update:
        if self._began is None:
            self._began = time.monotonic()
        job_id = started.task.payload.job.id
        attempts = max(self.results[job_id].attempts, started.attempt)
        return self._set(job_id, "started", state=RUNNING, attempts=attempts)

    def _finished(self, done: TaskDone) -> Update | None:
        job_id = done.task.payload.job.id
        summary: dict[str, Any] = dict(done.summary)
        warnings = tuple(dict.fromkeys((*self.results[job_id].warnings, *summary.pop("warnings", ()))))
        seconds = self._seconds[job_id] = self._seconds.get(job_id, 0.0) + (summary.pop("seconds") or 0.0)
        if isinstance(done.task.payload, TrackSegment):
            self.results[job_id] = replace(self.results[job_id], warnings=warnings)
            return None
        if done.task.payload.parts and seconds:
            summary["frames_per_second"] = round(summary["frames"] / seconds, 3)
        self._done += self._sizes[job_id]
        self._left -= self._sizes[job_id]
        summary |= {"seconds": round(seconds, 3), "warnings": warnings, "attempts": done.attempts}
        return self._set(job_id, "done", state=DONE, error=None, traceback=None, **summary)

    def _failed(self, failed: TaskFailed) -> Update | None:
        job_id, failure = failed.task.payload.job.id, failed.failure
        if self.results[job_id].state == FAILED:  # another segment of the same job
            return None
        if failed.retry_in is None:
            self._left -= self._sizes[job_id]
        state, kind = (FAILED, "failed") if failed.retry_in is None else (WAITING, "retry")
        said = {"error": failure.error, "traceback": failure.traceback, "attempts": failed.attempts}
        return self._set(job_id, kind, state=state, retry_in=failed.retry_in, **said)

    def _set(self, job_id: str, kind: str, retry_in: float | None = None, **changes: Any) -> Update:
        before = self.results[job_id]
        after = self.results[job_id] = replace(before, **changes)
        self._counts[before.state] -= 1
        self._counts[after.state] += 1
        return self._update(kind, after, retry_in=retry_in)

    def _update(self, kind: str, result: Result | None, **more: Any) -> Update:
        left = None
        if self._done and self._began is not None:
            left = (time.monotonic() - self._began) * self._left / self._done
        return Update(kind, result, left=left, counts=dict(self._counts), **more)


def _prompts(job: Job, settings: Settings) -> list[Prompt]:
    """The prompts of a job; opens the video only if another tool's file needs it."""
    given = job.given_prompts()
    if given.file is None:
        return given.prompts
    with open_video(job.video, fps=settings.fps, levels=settings.levels) as source:
        return given.for_video(source).prompts


def video_size(video: Path) -> float:
    """Bytes of a video, by which the longest go first; 0 if it cannot be read, which the worker will report."""
    try:
        if video.is_dir():
            with os.scandir(video) as entries:
                return float(sum(entry.stat().st_size for entry in entries if entry.is_file()))
        return float(video.stat().st_size)
    except OSError:
        return 0.0
