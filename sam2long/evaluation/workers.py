"""Predicts the videos of an experiment on worker processes or a Ray cluster, with the scheduler of `sam2long.batch`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sam2long.batch.driver import OpenExecutor, video_size
from sam2long.batch.scheduler import Limits, Scheduler, Task, TaskDone, TaskFailed, WorkerReady
from sam2long.batch.work import Place, Pulse, Summary
from sam2long.errors import BatchError
from sam2long.evaluation.experiment import Experiment, Runs, predict_video
from sam2long.evaluation.run_folder import RunFolder, VideoTime
from sam2long.evaluation.task import Task as Benchmark
from sam2long.evaluation.variants import Variant
from sam2long.model import SAM2
from sam2long.model.checkpoints.digest import weights_digest
from sam2long.running.interrupt import Stop
from sam2long.running.models import ModelChoice


@dataclass(frozen=True)
class PredictVideo:
    """Predict a video with one variant, or with several that share its encoded frames."""

    video: str
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class PredictWork:
    """What all workers of an experiment have in common.

    Attributes:
        network: to load; a worker's place says on which device, unless this does.
        benchmark: the data set, and what is asked for.
        out: the experiment's folder.
    """

    network: ModelChoice
    benchmark: Benchmark
    out: Path

    def start(self, place: Place) -> PredictRunner:
        """Load the network; raises UserError."""
        model = place.load(self.network)
        return PredictRunner(self, model, {"weights": weights_digest(model)})


@dataclass(frozen=True)
class PredictRunner:
    """A worker whose network is loaded; see `Runner`."""

    work: PredictWork
    model: SAM2
    facts: Mapping[str, str]

    def run(self, payload: PredictVideo, pulse: Pulse, stop: Stop) -> Summary:
        """Predict what an earlier attempt has not made final; raises UserError."""
        runs = [(variant, RunFolder(self.work.out / variant.folder, {})) for variant in payload.variants]
        todo = [(variant, run) for variant, run in runs if not run.done(payload.video)]
        if not todo:
            return {"times": []}
        times = predict_video(self.work.benchmark, self.model, todo, payload.video, pulse.beat)
        return {"times": [(variant.folder, time.frames, time.seconds) for variant, time in times]}


def predict_on_workers(
    experiment: Experiment, network: ModelChoice, open_executor: OpenExecutor, limits: Limits | None = None
) -> Iterator[tuple[Variant, VideoTime]]:
    """Predict what is not done yet, as `Experiment.predict` does, on several workers at once.

    A video that fails is tried again and then given up; the others are predicted first.

    Raises:
        BatchError: no worker can be started, their weights differ, or videos were given up; finished ones stay.
        UserError: something else does not fit.
    """
    runs = experiment.runs()
    tasks = _tasks(experiment, runs)
    if not tasks:
        return
    experiment.task.check(tasks[0].payload.video)
    executor = open_executor(PredictWork(network, experiment.task, experiment.out), len(tasks))
    failed: list[str] = []
    try:
        for happening in Scheduler(executor, tasks, limits or Limits()).run():
            if isinstance(happening, WorkerReady):
                experiment.begin(runs, happening.facts["weights"])
            elif isinstance(happening, TaskFailed):
                _tell(happening, failed)
            elif isinstance(happening, TaskDone):
                yield from _note(experiment, runs, happening)
    finally:
        executor.close(0)
        for _, run in runs:
            run.end()
    if failed:
        told = [*dict.fromkeys(failed)]
        more = f"; and {len(told) - 3} more" if len(told) > 3 else ""
        raise BatchError(
            f"{len(failed)} of {len(tasks)} not predicted ({'; '.join(told[:3])}{more}); the same command tries again"
        )


def _tasks(experiment: Experiment, runs: Runs) -> list[Task]:
    """A task per video that all variants share, or one per video and variant."""
    tasks: list[Task] = []
    for video in experiment.task.dataset.videos:
        for todo in experiment.left(runs, video):
            payload = PredictVideo(video, tuple(variant for variant, _ in todo))
            tasks.append(Task(f"{len(tasks)}", payload, video_size(experiment.task.pictures(video))))
    return tasks


def _note(experiment: Experiment, runs: Runs, done: TaskDone) -> Iterator[tuple[Variant, VideoTime]]:
    for line in done.summary["warnings"]:
        warnings.warn(line, stacklevel=2)
    payload, folders = done.task.payload, {variant.folder: (variant, run) for variant, run in runs}
    for folder, frames, seconds in done.summary["times"]:
        variant, run = folders[folder]
        time = VideoTime(payload.video, frames, seconds)
        if len(payload.variants) == 1:
            run.record(time)
        yield variant, time


def _tell(failure: TaskFailed, failed: list[str]) -> None:
    video, error = failure.task.payload.video, failure.failure.error
    if failure.retry_in is None:
        failed.append(f"{video}: {error}")
        return
    warnings.warn(
        f"attempt {failure.attempts} of {video} failed, next in {failure.retry_in:g} s: {error}", stacklevel=2
    )
