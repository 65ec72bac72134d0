"""Tells the parts of an object apart from frame to frame, for formats that track one polygon at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Polygon = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]

MOST_PARTS = 16


class PartTracks:
    """Numbers the parts of one object: a part goes on with the number whose last box it overlaps most."""

    def __init__(self) -> None:
        self._boxes: list[Box] = []

    def place(self, outlines: Sequence[Polygon]) -> list[tuple[int, Polygon]]:
        """Return (number of the part, outline); parts that overlap none take free numbers in the given order."""
        boxes = [_box(outline) for outline in outlines]
        overlaps = [
            (_overlap(box, before), -number, -part)
            for part, box in enumerate(boxes)
            for number, before in enumerate(self._boxes)
        ]
        numbers: dict[int, int] = {}
        for overlap, number, part in sorted(overlaps, reverse=True):
            if overlap > 0 and -part not in numbers and -number not in numbers.values():
                numbers[-part] = -number
        free = iter(sorted(set(range(len(self._boxes) + len(boxes))) - set(numbers.values())))
        placed = [numbers[part] if part in numbers else next(free) for part in range(len(boxes))]
        self._boxes += [(0, 0, 0, 0)] * (max(placed, default=-1) + 1 - len(self._boxes))
        for number, box in zip(placed, boxes):
            self._boxes[number] = box
        return list(zip(placed, outlines))


def _box(outline: Polygon) -> Box:
    """(x0, y0, x1, y1) in pixels."""
    (x0, y0), (x1, y1) = outline.min(axis=0), outline.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _overlap(a: Box, b: Box) -> float:
    """Area that two boxes share."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)
