"""The evaluators' rules: which frames and objects count, and how scores are averaged."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sam2long.errors import DatasetError
from sam2long.evaluation.reporting.sheet import ScoreSheet, SheetRow

Series = npt.NDArray[np.float64]

_BINS = 4
_HIT = 0.5
_TRANSITION = 0.75
"""VOST's J_tr looks at what follows this part of a video."""


@dataclass(frozen=True)
class ObjectScore:
    """One object over the frames that count.

    Attributes:
        video: name.
        object_id: as in the truth.
        j, f: J and F of each frame, 0..1, float64 [frames].
        frames: names of those frames.
        group: "seen" or "unseen" where a benchmark distinguishes them.
        total: divisor of the sums; the number of frames, except for LVOS with missing ones.
    """

    video: str
    object_id: int
    j: Series
    f: Series
    frames: tuple[str, ...]
    group: str = ""
    total: int = 0

    @property
    def mean_j(self) -> float:
        """Mean J, 0..1."""
        return _ratio(self.j.sum(), self.total or len(self.j))

    @property
    def mean_f(self) -> float:
        """Mean F, 0..1."""
        return _ratio(self.f.sum(), self.total or len(self.f))

    @property
    def j_and_f(self) -> float:
        """Mean of both, 0..1."""
        return (self.mean_j + self.mean_f) / 2


class Rule(Protocol):
    """The rule of one evaluator."""

    @property
    def name(self) -> str:
        """For the command line and result files."""

    @property
    def title(self) -> str:
        """For people."""

    @property
    def all_frames(self) -> bool:
        """Whether its sheets hold the first and last annotated frame too."""

    def objects(self, sheet: ScoreSheet) -> list[ObjectScore]:
        """The objects of a sheet that count; raises DatasetError if the evaluator would refuse it."""

    def figures(self, objects: Sequence[ObjectScore]) -> dict[str, float]:
        """The figures of a data set, in percent."""


@dataclass(frozen=True)
class SavRule:
    """SA-V's evaluator (and vos-benchmark): every object of the truth, from the frame on which it first shows.

    An object counts from the first compared frame on which truth or prediction has a pixel of it; from then on a frame
    where both are empty scores 1. The data set's figure is the plain mean over all objects of all videos.
    """

    name: str = "sav"
    title: str = "SA-V evaluator"
    all_frames: bool = False

    def objects(self, sheet: ScoreSheet) -> list[ObjectScore]:
        """Every id that the truth has on a compared frame."""
        ids = sorted({i for row in sheet.rows for i, cell in row.cells.items() if cell.in_truth})
        return [_object_score(sheet.video, i, self._counted(sheet.rows, i)) for i in ids]

    def figures(self, objects: Sequence[ObjectScore]) -> dict[str, float]:
        """J&F, J and F."""
        return _flat_means(objects)

    @staticmethod
    def _counted(rows: Sequence[SheetRow], object_id: int) -> Sequence[SheetRow]:
        first = next(number for number, row in enumerate(rows) if object_id in row.cells)
        return rows[first:]


@dataclass(frozen=True)
class DavisRule:
    """DAVIS 2017's evaluator: ids 1 to the largest of the first annotated frame, every frame between first and last."""

    name: str = "davis"
    title: str = "DAVIS 2017 evaluator"
    all_frames: bool = False
    extra_ids_allowed: bool = False

    def objects(self, sheet: ScoreSheet) -> list[ObjectScore]:
        """Ids 1 to the largest on the first annotated frame, even those without a pixel."""
        count = max((i for i in sheet.first_ids if i != 255), default=0)
        extra = max((i for row in sheet.rows for i, cell in row.cells.items() if cell.in_pred), default=0)
        if extra > count:
            message = f"{sheet.video}: the prediction has id {extra}, but the first mask has ids up to {count} only"
            if not self.extra_ids_allowed:
                raise DatasetError(f"{message}; the DAVIS evaluator refuses that")
            sys.stderr.write(f"warning: {message}; ids above it are left out, as VOST's evaluator does\n")
        return [_object_score(sheet.video, i, sheet.rows) for i in range(1, count + 1)]

    def figures(self, objects: Sequence[ObjectScore]) -> dict[str, float]:
        """J&F, and mean, recall and decay of J and F."""
        return {
            **_flat_means(objects),
            "J recall": _mean([recall(item.j) for item in objects]),
            "J decay": _mean([decay(item.j) for item in objects]),
            "F recall": _mean([recall(item.f) for item in objects]),
            "F decay": _mean([decay(item.f) for item in objects]),
        }


@dataclass(frozen=True)
class VostRule:
    """VOST's evaluator: DAVIS's frames and objects, J only, and J_tr over the last quarter of each video."""

    name: str = "vost"
    title: str = "VOST evaluator"
    all_frames: bool = False

    def objects(self, sheet: ScoreSheet) -> list[ObjectScore]:
        """As DAVIS, but predicted ids too many are left out with a warning."""
        return DavisRule(extra_ids_allowed=True).objects(sheet)

    def figures(self, objects: Sequence[ObjectScore]) -> dict[str, float]:
        """J and J_tr, each with recall and decay."""
        last = [item.j[int(np.floor(_TRANSITION * len(item.j))) :] for item in objects]
        return {
            "J": _mean([item.mean_j for item in objects]),
            "J_tr": _mean([float(np.mean(j)) for j in last]),
            "J recall": _mean([recall(item.j) for item in objects]),
            "J decay": _mean([decay(item.j) for item in objects]),
            "J_tr recall": _mean([recall(j) for j in last]),
            "J_tr decay": _mean([decay(j) for j in last]),
        }


def recall(scores: Series) -> float:
    """Fraction of frames above one half."""
    return float(np.mean(scores > _HIT)) if len(scores) else float("nan")


def decay(scores: Series) -> float:
    """Mean of the first quarter less mean of the last; quarters share the frames at which they meet.

    DAVIS's own tool counts positions in 8 bits and so goes wrong on more than 256 frames; this does not.
    """
    ends = (np.round(np.linspace(1, len(scores), _BINS + 1) + 1e-10) - 1).astype(int)
    first, last = scores[ends[0] : ends[1] + 1], scores[ends[-2] : ends[-1] + 1]
    return float(np.mean(first) - np.mean(last)) if len(scores) else float("nan")


def _object_score(video: str, object_id: int, rows: Sequence[SheetRow]) -> ObjectScore:
    cells = [row.cell(object_id) for row in rows]
    j, f = (np.array([getattr(cell, name) for cell in cells], np.float64) for name in ("j", "f"))
    return ObjectScore(video, object_id, j, f, tuple(row.frame for row in rows))


def _flat_means(objects: Sequence[ObjectScore]) -> dict[str, float]:
    j, f = _mean([item.mean_j for item in objects]), _mean([item.mean_f for item in objects])
    return {"J&F": (j + f) / 2, "J": j, "F": f}


def _mean(values: Sequence[float]) -> float:
    return 100 * float(np.mean(values)) if values else float("nan")


def _ratio(total: float, count: int) -> float:
    return float(total) / count if count > 0 else float("nan")
