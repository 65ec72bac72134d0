"""Score sheets: J and F of every object on every frame of a video, from which each evaluator takes its means."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sam2long.errors import DatasetError
from sam2long.evaluation.datasets.id_maps import IdMap, present_ids, read_binary, read_ids
from sam2long.evaluation.scoring.metrics import j_and_f

_FRAMES_PER_TASK = 24
_TASKS_PER_WORKER = 4
_TOO_FEW_FOR_A_POOL = 200
"""Starting processes takes as long as scoring about this many frames."""


@dataclass(frozen=True)
class Cell:
    """One object on one frame: J and F, 0..1, and where it has pixels."""

    j: float
    f: float
    in_truth: bool
    in_pred: bool


BOTH_EMPTY = Cell(1.0, 1.0, False, False)


@dataclass(frozen=True)
class SheetRow:
    """One frame; objects that have no pixel in truth or prediction have no cell."""

    frame: str
    cells: dict[int, Cell]

    def cell(self, object_id: int) -> Cell:
        """The cell of an object, present or not."""
        return self.cells.get(object_id, BOTH_EMPTY)


@dataclass(frozen=True)
class ScoreSheet:
    """A video's frames in order, or those of one object of it.

    Attributes:
        video: name.
        rows: one for each frame compared.
        first_ids: ids on the first annotated frame, whether or not that is among the rows.
    """

    video: str
    rows: list[SheetRow]
    first_ids: tuple[int, ...] = ()


Masks = Path | dict[int, Path]
"""One PNG of all objects, or one for each object id."""


@dataclass(frozen=True)
class FramePair:
    """Masks to compare; without a prediction, with empty ones."""

    frame: str
    truth: Masks
    pred: Masks | None


@dataclass(frozen=True)
class Comparison:
    """What one sheet is made of.

    Attributes:
        video: name.
        pairs: its frames, in order.
        object_id: the PNGs are masks of this one object, whatever their values; None where values are ids.
        ignored: id that counts as background in the truth.
        first_ids: see `ScoreSheet`.
    """

    video: str
    pairs: tuple[FramePair, ...]
    object_id: int | None = None
    ignored: int | None = None
    first_ids: tuple[int, ...] = ()


def score_sheets(comparisons: Iterable[Comparison], workers: int | None = None) -> Iterator[ScoreSheet]:
    """Compare all pairs and yield the sheets in order; memory does not grow with their number.

    Args:
        comparisons: what to compare.
        workers: processes; by default one for each core.

    Raises:
        DatasetError: a PNG cannot be read, or a pair differs in size.
    """
    todo = list(comparisons)
    workers = workers or _cores()
    if workers == 1 or sum(len(comparison.pairs) for comparison in todo) < _TOO_FEW_FOR_A_POOL:
        for comparison in todo:
            yield _sheet(comparison, _score_part(comparison, 0, len(comparison.pairs)))
        return
    # Forked processes would inherit the threads' locks of PyTorch, but not the threads.
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin_worker) as pool:
        try:
            yield from _from_pool(pool, todo, workers * _TASKS_PER_WORKER)
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass
class _Pending:
    """A comparison whose parts are under way."""

    comparison: Comparison
    parts: list[Future[list[SheetRow]]] = field(default_factory=list)

    def sheet(self) -> ScoreSheet:
        return _sheet(self.comparison, [row for part in self.parts for row in part.result()])


def _from_pool(pool: ProcessPoolExecutor, todo: list[Comparison], most: int) -> Iterator[ScoreSheet]:
    pending: deque[_Pending] = deque()
    for comparison in todo:
        pending.append(_Pending(comparison))
        for start in range(0, len(comparison.pairs), _FRAMES_PER_TASK):
            stop = start + _FRAMES_PER_TASK
            pending[-1].parts.append(pool.submit(_score_part, comparison, start, stop))
        while sum(len(item.parts) for item in pending) > most and len(pending) > 1:
            yield pending.popleft().sheet()
    while pending:
        yield pending.popleft().sheet()


def _sheet(comparison: Comparison, rows: list[SheetRow]) -> ScoreSheet:
    return ScoreSheet(comparison.video, rows, comparison.first_ids)


def _score_part(comparison: Comparison, start: int, stop: int) -> list[SheetRow]:
    return [score_pair(pair, comparison.object_id, comparison.ignored) for pair in comparison.pairs[start:stop]]


def score_pair(pair: FramePair, object_id: int | None, ignored: int | None) -> SheetRow:
    """Compare the masks of a frame; see `Comparison`. Raises DatasetError."""
    if isinstance(pair.truth, dict) or isinstance(pair.pred, dict):
        return SheetRow(pair.frame, _cells_by_object(pair, ignored))
    read = read_ids if object_id is None else read_binary
    truth = read(pair.truth)
    pred = np.zeros(truth.shape, np.uint8) if pair.pred is None else read(pair.pred)
    _check_size(pair, pred.shape, truth.shape)
    if ignored is not None:
        truth = np.where(truth == ignored, 0, truth)
    cells = _cells(pred, truth)
    if object_id is not None:
        cells = {object_id: cells[1]} if cells else {}
    return SheetRow(pair.frame, cells)


def _cells_by_object(pair: FramePair, ignored: int | None) -> dict[int, Cell]:
    """The same where truth or prediction has a PNG for each object, whose masks may overlap."""
    truth, size = _by_object(pair.truth)
    pred, pred_size = _by_object(pair.pred or {})
    if size and pred_size:
        _check_size(pair, pred_size, size)
    cells = {}
    for object_id in sorted((truth.keys() | pred.keys()) - {ignored}):
        nothing = np.zeros(size or pred_size, bool)
        score = j_and_f(pred.get(object_id, nothing), truth.get(object_id, nothing))
        cells[object_id] = Cell(score.j, score.f, object_id in truth, object_id in pred)
    return cells


def _by_object(masks: Masks) -> tuple[dict[int, npt.NDArray[np.bool_]], tuple[int, ...]]:
    """Masks that are not empty, bool [height, width], by object id, and their shape; () where there is no file."""
    if isinstance(masks, Path):
        ids = read_ids(masks)
        return {object_id: ids == object_id for object_id in present_ids(ids)}, ids.shape
    found = {object_id: read_binary(path) > 0 for object_id, path in masks.items()}
    shapes = {mask.shape for mask in found.values()}
    if len(shapes) > 1:
        raise DatasetError(f"masks of one frame differ in size: {', '.join(str(path) for path in masks.values())}")
    return {object_id: mask for object_id, mask in found.items() if mask.any()}, next(iter(shapes), ())


def _check_size(pair: FramePair, pred: tuple[int, ...], truth: tuple[int, ...]) -> None:
    if pred != truth:
        where, against = (
            next(iter(side.values())) if isinstance(side, dict) else side for side in (pair.pred, pair.truth)
        )
        raise DatasetError(
            f"{where} is {pred[1]}x{pred[0]} pixels, but its truth {against} is {truth[1]}x{truth[0]}; "
            "write predictions at the truth's size"
        )


def _cells(pred: IdMap, truth: IdMap) -> dict[int, Cell]:
    in_pred, in_truth = set(present_ids(pred)), set(present_ids(truth))
    cells = {}
    for object_id in sorted(in_pred | in_truth):
        score = j_and_f(pred == object_id, truth == object_id)
        cells[object_id] = Cell(score.j, score.f, object_id in in_truth, object_id in in_pred)
    return cells


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin_worker() -> None:
    # Ctrl-C reaches every process of the terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
