"""Tasks of benchmarks, masks of objects or boxes of one target, behind one interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sam2long.evaluation.datasets.box_dataset import BoxDataset, write_box_archive
from sam2long.evaluation.datasets.dataset import Dataset
from sam2long.evaluation.predict import open_job, predict_into
from sam2long.evaluation.predict_boxes import predict_boxes_into
from sam2long.evaluation.result_files import write_archive
from sam2long.evaluation.run_folder import RunFolder, VideoTime
from sam2long.evaluation.scoring.pairing import Pairing
from sam2long.evaluation.scoring.scoring import Measured, measure
from sam2long.model import SAM2
from sam2long.tree import TreeConfig


class Task(Protocol):
    """One data set, and how it is predicted and scored."""

    @property
    def dataset(self) -> Dataset | BoxDataset:
        """The videos and their truth."""

    @property
    def scorable(self) -> bool:
        """Whether there is truth to score with."""

    @property
    def archived(self) -> bool:
        """Whether a server takes an archive of the predictions."""

    def check(self, video: str) -> None:
        """Read what a video starts from; raises DatasetError if it does not fit together."""

    def pictures(self, video: str) -> Path:
        """Folder of the pictures of a video."""

    def predict(self, run: RunFolder, model: SAM2, video: str, tree: TreeConfig, read: Callable[[], None]) -> VideoTime:
        """Predict one video into the folder of its run; `read` is called after every picture that was read."""

    def score(self, predictions: Path, allow_missing: bool, workers: int | None) -> tuple[tuple[Measured, ...], int]:
        """Return what each evaluator measures, and how many predictions were missing; raises DatasetError."""

    def write_archive(self, predictions: Path, path: Path) -> None:
        """Write what the server takes; raises OSError."""


@dataclass(frozen=True)
class MaskTask:
    """Objects by their masks."""

    dataset: Dataset

    @property
    def scorable(self) -> bool:
        """Whether there is truth to score with."""
        return bool(self.dataset.rules)

    @property
    def archived(self) -> bool:
        """Whether a server takes an archive of the predictions."""
        return self.dataset.benchmark.archive is not None

    def check(self, video: str) -> None:
        """Read the prompts."""
        with open_job(self.dataset, video):
            pass

    def pictures(self, video: str) -> Path:
        """Folder of the pictures of a video."""
        return self.dataset.images / video

    def predict(self, run: RunFolder, model: SAM2, video: str, tree: TreeConfig, read: Callable[[], None]) -> VideoTime:
        """Write the masks of all frames."""
        return predict_into(run, model, self.dataset, video, tree, read)

    def score(self, predictions: Path, allow_missing: bool, workers: int | None) -> tuple[tuple[Measured, ...], int]:
        """Measure by each of the data set's rules."""
        if not self.dataset.rules:
            return (), 0
        pairing = Pairing(self.dataset.masks, predictions, self.dataset.truth_format, allow_missing)
        measured = measure(pairing.comparisons(self.dataset.videos), self.dataset.rules, workers)
        return tuple(measured), len(pairing.missing)

    def write_archive(self, predictions: Path, path: Path) -> None:
        """Write the masks as the server wants them."""
        write_archive(self.dataset, predictions, path)


@dataclass(frozen=True)
class BoxTask:
    """One target by its boxes."""

    dataset: BoxDataset

    @property
    def scorable(self) -> bool:
        """Whether there is truth to score with."""
        return self.dataset.benchmark.rule is not None

    @property
    def archived(self) -> bool:
        """Whether a server takes an archive of the predictions."""
        return self.dataset.benchmark.rule is None

    def check(self, video: str) -> None:
        """Read the boxes."""
        self.dataset.truth(video)

    def pictures(self, video: str) -> Path:
        """Folder of the pictures of a video."""
        return self.dataset.pictures(video)

    def predict(self, run: RunFolder, model: SAM2, video: str, tree: TreeConfig, read: Callable[[], None]) -> VideoTime:
        """Write a box per frame."""
        return predict_boxes_into(run, model, self.dataset, video, tree, read)

    def score(self, predictions: Path, allow_missing: bool, workers: int | None) -> tuple[tuple[Measured, ...], int]:
        """Measure by the data set's rule."""
        benchmark = self.dataset.benchmark
        if benchmark.rule is None:
            return (), 0
        figures = benchmark.rule.figures([self.dataset.track(video, predictions) for video in self.dataset.videos])
        return (Measured(benchmark.kind, benchmark.evaluator, figures, ()),), 0

    def write_archive(self, predictions: Path, path: Path) -> None:
        """Write the boxes as the server wants them."""
        write_box_archive(self.dataset, predictions, path)


def task_of(dataset: Dataset | BoxDataset) -> Task:
    """Return the task that a data set poses."""
    return BoxTask(dataset) if isinstance(dataset, BoxDataset) else MaskTask(dataset)
