"""An experiment: predicts a data set with one or more memory trees, except for what is done already, and scores it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sam2long.errors import DatasetError, OutputError
from sam2long.evaluation.datasets.shared_images import run_together
from sam2long.evaluation.run_folder import PREDICTIONS, RunFolder, VideoTime, read_times
from sam2long.evaluation.scoring.scoring import Measured
from sam2long.evaluation.task import Task
from sam2long.evaluation.variants import Variant
from sam2long.model import SAM2
from sam2long.model.checkpoints.digest import weights_digest

ARCHIVE = "submission.zip"


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
        workers: processes that score.
    """

    task: Task
    variants: list[Variant]
    out: Path
    load: Callable[[], SAM2]
    settings: Mapping[str, object]
    together: bool = False
    allow_missing: bool = False
    workers: int | None = None
    _model: SAM2 | None = field(default=None, repr=False)

    def predict(self) -> Iterator[tuple[Variant, VideoTime]]:
        """Predict what is not done yet, and yield each video when it is final.

        Raises:
            UserError: something does not fit; finished videos stay.
        """
        runs = [RunFolder(self.out / variant.folder, self._described(variant)) for variant in self.variants]
        try:
            yield from self._predict_into(runs)
        finally:
            for run in runs:
                run.end()

    def _predict_into(self, runs: list[RunFolder]) -> Iterator[tuple[Variant, VideoTime]]:
        for video in self.task.dataset.videos:
            todo = [(variant, run) for variant, run in zip(self.variants, runs, strict=True) if not run.done(video)]
            if self.together and len(todo) > 1:
                self._check(video)
                yield from self._predict_together(self._network(runs), todo, video)
            else:
                for variant, run in todo:
                    self._check(video)
                    time = self._predict_one(self._network(runs), run, variant, video)
                    run.record(time)
                    yield variant, time

    def score(self) -> list[VariantResult]:
        """Score what has been predicted, and write archives for servers.

        Raises:
            DatasetError: predictions are missing, or cannot be compared.
        """
        return [self._score_one(variant) for variant in self.variants]

    def _predict_together(
        self, model: SAM2, todo: list[tuple[Variant, RunFolder]], video: str
    ) -> Iterator[tuple[Variant, VideoTime]]:
        times: dict[str, VideoTime] = {}

        def task(variant: Variant, run: RunFolder) -> Callable[[SAM2], None]:
            def predict(model: SAM2) -> None:
                times[variant.folder] = self._predict_one(model, run, variant, video)

            return predict

        run_together(model, [task(variant, run) for variant, run in todo])
        # Their times are not recorded: side by side, each waits for the other.
        for variant, _ in todo:
            yield variant, times[variant.folder]

    def _predict_one(self, model: SAM2, run: RunFolder, variant: Variant, video: str) -> VideoTime:
        return self.task.predict(run, model, video, variant.tree)

    def _check(self, video: str) -> None:
        """Check the first video before the network is loaded."""
        if self._model is None:
            self.task.check(video)

    def _network(self, runs: list[RunFolder]) -> SAM2:
        if self._model is None:
            self._model = self.load()
            weights = weights_digest(self._model)
            for run in runs:
                run.begin(weights)
        return self._model

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

    def _described(self, variant: Variant) -> dict[str, object]:
        return {**self.settings, "tree": asdict(variant.tree)}


def check_scorable(task: Task, score_only: bool) -> None:
    """Refuse, before any work, to score what only a server can score."""
    if score_only and not task.scorable:
        raise DatasetError(
            f"{task.dataset.benchmark.title} publishes no truth to score with; with truth of your own, name a --rule"
        )
