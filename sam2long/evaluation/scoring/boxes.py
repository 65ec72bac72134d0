"""Metrics of box tracking: success, precision and normalised precision (LaSOT), AO and SR (GOT-10k)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sam2long.errors import DatasetError

Boxes = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_SUCCESS_STEPS = np.arange(21) / 20
_PRECISION_STEPS = np.arange(51.0)
_NORMALISED_STEPS = np.arange(51) / 100
_PRECISION_AT, _NORMALISED_AT = 20, 20
"""Positions of 20 pixels and of 0.20."""


@dataclass(frozen=True)
class BoxTrack:
    """One sequence.

    Attributes:
        video: name.
        pred: x, y, width, height in pixels, float64 [frames, 4].
        truth: the same; NaN where unknown.
        visible: bool [frames].
        size: (width, height) of the pictures, pixels.
    """

    video: str
    pred: Boxes
    truth: Boxes
    visible: Flags
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class LasotRule:
    """Success and precision as pytracking's analysis has them, over every frame of a sequence; absent ones are misses.

    Attributes:
        strict: predictions must not be too short, and an absent target is a miss for normalised precision too (LaSOT);
            otherwise short ones are filled with empty boxes, and it counts as a hit there (LaSOT_ext, a quirk of the
            tool that published figures share).
    """

    strict: bool = True

    def figures(self, tracks: Sequence[BoxTrack]) -> dict[str, float]:
        """AUC, precision at 20 pixels, normalised precision at 0.2, OP50 and OP75, means over sequences in percent.

        Raises:
            DatasetError: a prediction is too short, or holds a box of negative size.
        """
        curves = [self.curves(track) for track in tracks]
        success, precision, normalised = (np.mean([curve[kind] for curve in curves], axis=0) for kind in range(3))
        return {
            "AUC": 100 * float(success.mean()),
            "P": 100 * float(precision[_PRECISION_AT]),
            "P_norm": 100 * float(normalised[_NORMALISED_AT]),
            "OP50": 100 * float(success[10]),
            "OP75": 100 * float(success[15]),
        }

    def curves(self, track: BoxTrack) -> tuple[Boxes, Boxes, Boxes]:
        """Success over 21 overlaps, precision over 51 pixels, normalised precision over 51 fractions of the target."""
        pred, truth = self._repaired(track), track.truth
        valid = (truth[:, 2] > 0) & (truth[:, 3] > 0) & track.visible
        overlap = np.where(valid, box_iou(pred, truth), -1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            offset = _centres(pred) - _centres(truth)
            pixels = np.where(valid, np.hypot(*offset.T), np.inf)
            relative = np.where(valid, np.hypot(*(offset / truth[:, 2:]).T), -1.0)
        if self.strict:
            relative = np.where(track.visible, relative, np.inf)
        return (
            (overlap[:, None] > _SUCCESS_STEPS).mean(axis=0),
            (pixels[:, None] <= _PRECISION_STEPS).mean(axis=0),
            (relative[:, None] <= _NORMALISED_STEPS).mean(axis=0),
        )

    def _repaired(self, track: BoxTrack) -> Boxes:
        """As long as the truth, starting with it, and without empty boxes: the one before stands in for them."""
        count = len(track.truth)
        if self.strict and len(track.pred) < count:
            raise DatasetError(f"{track.video}: {len(track.pred)} predicted boxes for {count} frames")
        pred = np.zeros((count, 4))
        pred[: len(track.pred)] = track.pred[:count]
        pred[0] = track.truth[0]
        if np.isnan(pred).any() or (pred[:, 2:] < 0).any():
            raise DatasetError(
                f"{track.video}: a predicted box has a negative size or no number; write 0,0,0,0 for none"
            )
        known: Flags = np.isfinite(track.truth.sum(axis=1))
        for row in range(1, count):
            if known[row] and not pred[row, 2:].all():
                pred[row] = pred[row - 1]
        return pred


@dataclass(frozen=True)
class Got10kRule:
    """Average overlap and success rates over all sequences' frames; the first of each and absent ones are left out."""

    def figures(self, tracks: Sequence[BoxTrack]) -> dict[str, float]:
        """AO, SR 0.5 and SR 0.75 in percent; raises DatasetError if a prediction has another length than its truth."""
        overlap = np.concatenate([self.overlaps(track) for track in tracks])
        return {
            "AO": 100 * float(overlap.mean()),
            "SR50": 100 * float((overlap > 0.5).mean()),
            "SR75": 100 * float((overlap > 0.75).mean()),
        }

    def overlaps(self, track: BoxTrack) -> Boxes:
        """IoU within the picture on every frame that counts."""
        if len(track.pred) != len(track.truth):
            raise DatasetError(f"{track.video}: {len(track.pred)} predicted boxes for {len(track.truth)} frames")
        pred, truth = (_within(boxes[1:], track.size) for boxes in (track.pred, track.truth))
        return box_iou(pred, truth)[track.visible[1:]]


def box_iou(pred: Boxes, truth: Boxes) -> Boxes:
    """Overlap of boxes (x, y, width, height) [n, 4], 0..1 [n]; 0 where both are empty."""
    low = np.maximum(pred[:, :2], truth[:, :2])
    high = np.minimum(pred[:, :2] + pred[:, 2:], truth[:, :2] + truth[:, 2:])
    inter = np.maximum(high - low, 0).prod(axis=1)
    union = pred[:, 2:].prod(axis=1) + truth[:, 2:].prod(axis=1) - inter
    overlap: Boxes = np.clip(inter / (union + np.finfo(float).eps), 0, 1)
    return overlap


def mask_box(mask: Flags) -> tuple[int, int, int, int]:
    """Box (x, y, width, height) of a mask, last pixel less first without adding one; zeros if it is empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]), int(rows[-1] - rows[0])


def _centres(boxes: Boxes) -> Boxes:
    return boxes[:, :2] + (boxes[:, 2:] - 1) / 2


def _within(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    corner = np.clip(boxes[:, :2], 0, size)
    return np.hstack([corner, np.clip(boxes[:, 2:], 0, np.array(size) - corner)])
