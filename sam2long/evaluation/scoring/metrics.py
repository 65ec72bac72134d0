"""Metrics of video object segmentation: region similarity J, boundary accuracy F and their mean J&F.

Results equal those of the DAVIS and SA-V evaluators to the pixel; only the implementation is ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from sam2long.errors import ConfigError

Mask = npt.NDArray[np.bool_]

BOUND_TOLERANCE = 0.008
"""How far two boundaries may lie apart and still match, as a fraction of the image diagonal."""


@dataclass(frozen=True)
class FrameScore:
    """J and F of one mask, both 0..1."""

    j: float
    f: float

    @property
    def j_and_f(self) -> float:
        """Mean of J and F."""
        return (self.j + self.f) / 2


@dataclass(frozen=True)
class SequenceScore:
    """Mean J, F and J&F (0..1) of one object over the `frames` frames that count; NaN where none does."""

    j: float
    f: float
    j_and_f: float
    frames: int


def region_similarity(pred: Mask, truth: Mask) -> float:
    """Jaccard index J of two bool [H, W] masks, 0..1; 1 where both are empty.

    Raises:
        ConfigError: the masks differ in shape or are not bool [H, W].
    """
    _check_pair(pred, truth)
    return _jaccard(pred, truth)


def boundary_map(mask: Mask) -> Mask:
    """Boundary of a bool [H, W] mask, bool [H, W]: pixels that differ from their right, lower or diagonal neighbour.

    On the last row only the right neighbour counts, on the last column only the lower one, so that a mask has no
    boundary along the right and bottom edges of the image.
    """
    boundary = np.zeros(mask.shape, np.bool_)
    right = mask[:, :-1] != mask[:, 1:]
    below = mask[:-1] != mask[1:]
    boundary[:, :-1] |= right
    boundary[:-1] |= below
    boundary[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    return boundary


def boundary_accuracy(pred: Mask, truth: Mask) -> float:
    """F-measure of the boundaries of two bool [H, W] masks, 0..1.

    A boundary pixel is right if the other mask has one within ceil(0.008 x image diagonal) pixels. F is 1 where
    neither mask has a boundary (both empty or both full) and 0 where only one has.

    Raises:
        ConfigError: the masks differ in shape or are not bool [H, W].
    """
    _check_pair(pred, truth)
    window = _union_window(pred, truth)
    return _boundary_f(pred[window], truth[window], _match_radius(pred.shape))


def j_and_f(pred: Mask, truth: Mask) -> FrameScore:
    """J and F of one bool [H, W] mask against the truth; see `region_similarity` and `boundary_accuracy`."""
    _check_pair(pred, truth)
    window = _union_window(pred, truth)
    pred_part, truth_part = pred[window], truth[window]
    return FrameScore(_jaccard(pred_part, truth_part), _boundary_f(pred_part, truth_part, _match_radius(pred.shape)))


def sequence_scores(
    pairs: Iterable[tuple[Mask, Mask]], *, skip_first: bool = True, skip_last: bool = True
) -> SequenceScore:
    """Mean scores of one object over a sequence of (pred, truth) pairs of bool [H, W] masks, in frame order.

    Frames count from the first one, skipped ones left out, on which prediction or truth has a pixel; from then on a
    frame where both are empty scores 1. The iterator is walked once and only one pair is held back.

    Args:
        pairs: predicted and true mask of every annotated frame.
        skip_first: leave the first pair out, as the prompt frame.
        skip_last: leave the last pair out, as the benchmarks do.
    """
    scores: list[FrameScore] = []
    for pred, truth in _interior(pairs, skip_first, skip_last):
        if scores or pred.any() or truth.any():
            scores.append(j_and_f(pred, truth))
    if not scores:
        return SequenceScore(math.nan, math.nan, math.nan, 0)
    j = float(np.mean([score.j for score in scores]))
    f = float(np.mean([score.f for score in scores]))
    return SequenceScore(j, f, (j + f) / 2, len(scores))


def _interior(pairs: Iterable[tuple[Mask, Mask]], skip_first: bool, skip_last: bool) -> Iterable[tuple[Mask, Mask]]:
    """The pairs without the first and the last."""
    iterator = iter(pairs)
    if skip_first:
        next(iterator, None)
    if not skip_last:
        yield from iterator
        return
    held = next(iterator, None)
    for pair in iterator:
        assert held is not None
        yield held
        held = pair


def _check_pair(pred: Mask, truth: Mask) -> None:
    if pred.ndim != 2 or pred.shape != truth.shape or pred.dtype != np.bool_ or truth.dtype != np.bool_:
        raise ConfigError(
            f"masks must be bool [height, width] of one shape; got {pred.dtype} {list(pred.shape)} as prediction and "
            f"{truth.dtype} {list(truth.shape)} as truth. Convert or resize the prediction to the truth's size first"
        )


def _jaccard(pred: Mask, truth: Mask) -> float:
    union = int(np.count_nonzero(pred | truth))
    return int(np.count_nonzero(pred & truth)) / union if union else 1.0


def _match_radius(shape: tuple[int, ...]) -> int:
    return math.ceil(BOUND_TOLERANCE * math.hypot(*shape))


def _union_window(pred: Mask, truth: Mask) -> tuple[slice, slice]:
    """Rows and columns that hold both masks and every boundary pixel of them: their box and one pixel around it."""
    union = pred | truth
    return _occupied(np.logical_or.reduce(union, axis=1)), _occupied(np.logical_or.reduce(union, axis=0))


def _occupied(line: Mask) -> slice:
    filled = np.flatnonzero(line)
    if not len(filled):
        return slice(0, 0)
    return slice(max(int(filled[0]) - 1, 0), int(filled[-1]) + 2)


def _boundary_f(pred: Mask, truth: Mask, radius: int) -> float:
    pred_boundary, truth_boundary = boundary_map(pred), boundary_map(truth)
    pred_count, truth_count = int(np.count_nonzero(pred_boundary)), int(np.count_nonzero(truth_boundary))
    if not pred_count or not truth_count:
        return float(pred_count == truth_count)
    precision = np.count_nonzero(pred_boundary & _dilated(truth_boundary, radius)) / pred_count
    recall = np.count_nonzero(truth_boundary & _dilated(pred_boundary, radius)) / truth_count
    total = precision + recall
    return float(2 * precision * recall / total) if total else 0.0


def _dilated(boundary: Mask, radius: int) -> Mask:
    dilated: npt.NDArray[np.uint8] = cv2.dilate(boundary.view(np.uint8), _disk(radius))
    return dilated.view(np.bool_)


@lru_cache(maxsize=16)
def _disk(radius: int) -> npt.NDArray[np.uint8]:
    """Every integer offset no farther than `radius`, uint8 [2 radius + 1, 2 radius + 1]."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    inside: Mask = x * x + y * y <= radius * radius
    return inside.astype(np.uint8)
