"""Where and how much the masks of two runs of one video differ."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sam2long.evaluation.scoring.metrics import j_and_f

Mask = npt.NDArray[np.bool_]

_APART = 12
"""Frames between two of the worst that are listed: neighbours of a bad frame are bad too, and say nothing new."""


@dataclass(frozen=True)
class ObjectOnFrame:
    """One object on a frame that both runs have.

    Attributes:
        frame: frame number.
        time: in seconds.
        object_id: of the object.
        j: region similarity of the two masks, 0..1.
        f: boundary accuracy of the two masks, 0..1.
        area_a: number of pixels of the mask in run A.
        area_b: number of pixels of the mask in run B.
    """

    frame: int
    time: float
    object_id: int
    j: float
    f: float
    area_a: int
    area_b: int

    @property
    def shown(self) -> str:
        """Which of the runs show the object: "both", "a", "b" or "neither"."""
        return {(True, True): "both", (True, False): "a", (False, True): "b"}.get(
            (self.area_a > 0, self.area_b > 0), "neither"
        )


@dataclass
class LoneSpan:
    """Consecutive frames on which only one run shows an object.

    Attributes:
        object_id: of the object.
        shown: the run, "a" or "b".
        first: first frame.
        last: last frame, inclusive.
        frames: number of compared frames in between.
    """

    object_id: int
    shown: str
    first: int
    last: int
    frames: int = 1


@dataclass
class ObjectDifference:
    """How the masks of one object differ; add its frames in ascending order.

    Attributes:
        object_id: of the object.
        shown: number of frames by which of the runs show it.
        identical: number of frames with equal masks, also empty ones.
        first: first frame on which the masks differ, or None.
        lone: spans on which only one run shows it.
    """

    object_id: int
    shown: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("both", "a", "b", "neither"), 0))
    identical: int = 0
    first: int | None = None
    lone: list[LoneSpan] = field(default_factory=list)
    _frames: array[int] = field(default_factory=lambda: array("q"), repr=False)
    _scores: array[float] = field(default_factory=lambda: array("d"), repr=False)
    _before: str = ""

    @property
    def j(self) -> float:
        """Mean J over the frames on which either run shows it; NaN without any."""
        return self._mean(0)

    @property
    def f(self) -> float:
        """Mean F over the frames on which either run shows it; NaN without any."""
        return self._mean(1)

    def add(self, item: ObjectOnFrame, identical: bool) -> None:
        """Add a frame."""
        self.shown[item.shown] += 1
        self.identical += identical
        if not identical and self.first is None:
            self.first = item.frame
        if item.shown in ("a", "b"):
            self._extend(item)
        self._before = item.shown
        if item.shown != "neither":
            self._frames.append(item.frame)
            self._scores.extend((item.j, item.f))

    def worst(self, count: int) -> list[tuple[int, float]]:
        """Frames with the smallest J and that J, the worst first, none of them close to a worse one."""
        j = np.asarray(self._scores)[::2]
        chosen: list[tuple[int, float]] = []
        for row in np.argsort(j, kind="stable"):
            frame = self._frames[row]
            if len(chosen) == count or j[row] == 1:
                break
            if all(abs(frame - other) > _APART for other, _ in chosen):
                chosen.append((frame, float(j[row])))
        return chosen

    def _extend(self, item: ObjectOnFrame) -> None:
        if self._before == item.shown:
            self.lone[-1].last = item.frame
            self.lone[-1].frames += 1
        else:
            self.lone.append(LoneSpan(self.object_id, item.shown, item.frame, item.frame))

    def _mean(self, column: int) -> float:
        return float(np.mean(np.asarray(self._scores)[column::2])) if self._scores else math.nan


@dataclass
class Difference:
    """How two runs differ.

    Attributes:
        frames: number of frames that both have.
        objects: differences by object id, of the objects that any of the two shows.
    """

    frames: int = 0
    objects: dict[int, ObjectDifference] = field(default_factory=dict)

    def add(self, frame: int, time: float, a: Mapping[int, Mask], b: Mapping[int, Mask]) -> Iterator[ObjectOnFrame]:
        """Measure the masks of one frame, bool [height, width] by object id, and yield what was found.

        Frames must come in ascending order. An object that is missing on one side counts as an empty mask.
        """
        self.frames += 1
        for object_id in sorted({*a, *b} | self.objects.keys()):
            first, second = a.get(object_id), b.get(object_id)
            item, identical = _measured(frame, time, object_id, first, second)
            if object_id not in self.objects:
                if item.shown == "neither":
                    continue
                self.objects[object_id] = ObjectDifference(object_id)
            self.objects[object_id].add(item, identical)
            yield item

    def worst(self, count: int) -> list[tuple[int, int, float]]:
        """(frame, object id, J) of the largest differences, the worst first."""
        found = [(frame, item.object_id, j) for item in self.objects.values() for frame, j in item.worst(count)]
        return sorted(found, key=lambda entry: (entry[2], entry[0], entry[1]))[:count]

    def lone(self) -> list[LoneSpan]:
        """Spans on which only one run shows an object, the longest first."""
        spans = [span for item in self.objects.values() for span in item.lone]
        return sorted(spans, key=lambda span: (-span.frames, span.first, span.object_id))

    def as_json(self, count: int) -> dict[str, Any]:
        """Everything as JSON values; `count` limits the list of the largest differences."""
        return {
            "frames_compared": self.frames,
            "objects": [_object_json(self.objects[object_id]) for object_id in sorted(self.objects)],
            "only_one_shows": [vars(span) for span in self.lone()],
            "largest_differences": [
                {"frame": frame, "object": object_id, "j": round(j, 6)} for frame, object_id, j in self.worst(count)
            ],
        }


def _measured(
    frame: int, time: float, object_id: int, first: Mask | None, second: Mask | None
) -> tuple[ObjectOnFrame, bool]:
    """The scores, and whether the masks are equal."""
    areas = [0 if mask is None else int(np.count_nonzero(mask)) for mask in (first, second)]
    if areas == [0, 0] or (first is not None and second is not None and np.array_equal(first, second)):
        return ObjectOnFrame(frame, time, object_id, 1.0, 1.0, *areas), True
    there = first if first is not None else second
    assert there is not None
    nothing = np.zeros_like(there)
    score = j_and_f(nothing if first is None else first, nothing if second is None else second)
    return ObjectOnFrame(frame, time, object_id, score.j, score.f, *areas), False


def _object_json(item: ObjectDifference) -> dict[str, Any]:
    return {
        "object": item.object_id,
        "j": None if math.isnan(item.j) else round(item.j, 6),
        "f": None if math.isnan(item.f) else round(item.f, 6),
        "frames_both": item.shown["both"],
        "frames_only_a": item.shown["a"],
        "frames_only_b": item.shown["b"],
        "frames_neither": item.shown["neither"],
        "frames_identical": item.identical,
        "first_difference": item.first,
    }
