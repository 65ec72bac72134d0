"""An experiment: predicts a data set with one or more memory trees, except for what is done already, and scores it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from sam2long.errors import BatchError, DatasetError, OutputError
from sam2long.evaluation.datasets.shared_images import run_together
from sam2long.evaluation.run_folder import PREDICTIONS, RunFolder, VideoTime, read_times
from sam2long.evaluation.scoring.scoring import Measured
from sam2long.evaluation.task import Task
from sam2long.evaluation.variants import Variant
from sam2long.model import SAM2
from sam2long.model.checkpoints.digest import weights_digest

ARCHIVE = "submission.zip"

Runs: TypeAlias = list[tuple[Variant, RunFolder]]
"""Variants with their folders."""


@dataclass(frozen=True)
class VariantResult:
    """The content of one row of a table.

    Attributes:
        variant: its settings.
        measured: by each evaluator; none where only a server scores.
        times: of the videos.
        archive: for the server, if there is one.
        missing: missing predictions, counted as empty masks.
    """

    variant: Variant
    measured: tuple[Measured, ...]
    times: tuple[VideoTime, ...] = ()
    archive: Path | None = None
    missing: int = 0

    @property
    def frames_per_second(self) -> float | None:
        """Mean over all videos, decoding and writing included."""
        seconds = sum(time.seconds for time in self.times)
        return sum(time.frames for time in self.times) / seconds if seconds else None


@dataclass
class Experiment:
    """Predicts and scores.

    Attributes:
        task: the data set, and what is asked for.
        variants: the memory trees.
        out: folder for everything.
        load: builds the network; called only if something is left to predict.
        settings: of the network and the data set, kept with the results; a run goes on only with the same ones.
        together: run all variants on each video at once, encoding every frame once.
        allow_missing: count missing predictions as empty masks.
        workers: processes that score; None for one per core.
    """

    task: Task
    variants: list[Variant]
    out: Path
    load: Callable[[], SAM2]
    settings: Mapping[str, object]
    together: bool = False
    allow_missing: bool = False
    workers: int | None = None
    _weights: str | None = field(default=None, repr=False)

    def predict(self) -> Iterator[tuple[Variant, VideoTime]]:
        """Predict what is not done yet, and yield each video when it is final.

        Raises:
            UserError: something does not fit; finished videos stay.
        """
        runs = self.runs()
        try:
            yield from self._predict_into(runs)
        finally:
            for _, run in runs:
                run.end()

    def runs(self) -> Runs:
        """The variants and their folders; raises OutputError if one holds results of other settings."""
        return [
            (variant, RunFolder(self.out / variant.folder, {**self.settings, "tree": asdict(variant.tree)}))
            for variant in self.variants
        ]

    def left(self, runs: Runs, video: str) -> list[Runs]:
        """The variants that a video is not done with, in groups that are predicted side by side."""
        left = [(variant, run) for variant, run in runs if not run.done(video)]
        return [left] if self.together and left else [[one] for one in left]

    def begin(self, runs: Runs, weights: str) -> None:
        """Make the folders once a network is loaded, on each worker the same.

        Raises:
            OutputError: see `RunFolder.begin`.
            BatchError: the weights differ from those of another worker.
        """
        if self._weights not in (None, weights):
            raise BatchError(f"the workers have loaded different weights ({self._weights}, {weights})")
        if self._weights is None:
            for _, run in runs:
                run.begin(weights)
        self._weights = weights

    def _predict_into(self, runs: Runs) -> Iterator[tuple[Variant, VideoTime]]:
        model: SAM2 | None = None
        for video in self.task.dataset.videos:
            for todo in self.left(runs, video):
                if model is None:
                    self.task.check(video)  # before the network is loaded
                    model = self.load()
                    self.begin(runs, weights_digest(model))
                for variant, time in predict_video(self.task, model, todo, video):
                    if len(todo) == 1:  # side by side, each waits for the other
                        todo[0][1].record(time)
                    yield variant, time

    def score(self) -> list[VariantResult]:
        """Score what has been predicted, and write archives for servers.

        Raises:
            DatasetError: predictions are missing, or cannot be compared.
        """
        return [self._score_one(variant) for variant in self.variants]

    def _score_one(self, variant: Variant) -> VariantResult:
        folder = self.out / variant.folder
        predictions = folder / PREDICTIONS if (folder / PREDICTIONS).is_dir() else folder
        times = tuple(time for time in read_times(folder) if time.video in self.task.dataset.videos)
        measured, missing = self.task.score(predictions, self.allow_missing, self.workers)
        return VariantResult(variant, measured, times, self._archive(folder), missing)

    def _archive(self, folder: Path) -> Path | None:
        """Write the archive, for whole data sets only, since servers refuse parts."""
        wanted = self.task.archived and self.task.dataset.is_whole
        if not wanted or not (folder / PREDICTIONS).is_dir():
            return None
        path = folder / ARCHIVE
        try:
            self.task.write_archive(folder / PREDICTIONS, path)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
        return path


def predict_video(
    task: Task, model: SAM2, todo: Runs, video: str, read: Callable[[], None] = lambda: None
) -> Iterator[tuple[Variant, VideoTime]]:
    """Predict a video with one variant, or with several side by side; `read` is called after every picture read."""
    if len(todo) == 1:
        ((variant, run),) = todo
        yield variant, task.predict(run, model, video, variant.tree, read)
        return
    times: dict[str, VideoTime] = {}

    def predict(model: SAM2, variant: Variant, run: RunFolder) -> None:
        times[variant.folder] = task.predict(run, model, video, variant.tree, read)

    run_together(model, [partial(predict, variant=variant, run=run) for variant, run in todo])
    for variant, _ in todo:
        yield variant, times[variant.folder]


def check_scorable(task: Task, score_only: bool) -> None:
    """Refuse, before any work, to score what only a server can score."""
    if score_only and not task.scorable:
        raise DatasetError(
            f"{task.dataset.benchmark.title} publishes no truth to score with; with truth of your own, name a --rule"
        )
