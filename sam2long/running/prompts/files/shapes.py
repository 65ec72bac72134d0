"""Polygons, ellipses and run lengths as masks, and boxes in other notations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sam2long.errors import PromptError
from sam2long.running.prompts.files.marks import Area, Box, Mask, Point
from sam2long.running.prompts.files.record import Record, numbers, pairs, shown, whole
from sam2long.tracking.prompting.prompts import FrameSize

_MOST_SHIFT = 35


def corner_box(corners: Sequence[float], where: str) -> Box:
    """Box from x0, y0, x1, y1; raises PromptError if it is empty."""
    x0, y0, x1, y1 = corners
    if x0 >= x1 or y0 >= y1:
        raise PromptError(f"{where}: the box {x0:g},{y0:g},{x1:g},{y1:g} is empty")
    return Box((x0, y0, x1, y1))


def sized_box(values: Sequence[float], where: str) -> Box:
    """Box from x, y, width, height; raises PromptError if it is empty."""
    x, y, width, height = values
    if width <= 0 or height <= 0:
        raise PromptError(f"{where}: the box is empty, {width:g} wide and {height:g} high")
    return Box((x, y, x + width, y + height))


def around(points: Sequence[Point], where: str) -> Box:
    """Smallest box around points; raises PromptError if it is empty."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return corner_box((min(xs), min(ys), max(xs), max(ys)), where)


def polygons(rings: Sequence[Sequence[Point]], size: FrameSize, where: str) -> Area:
    """Area of one or more polygons: the pixels whose centres lie in one of them, as pycocotools has it.

    Raises:
        PromptError: a polygon has fewer than three points, or lies far outside the frame.
    """
    for ring in rings:
        check_ring(ring, size, where)

    def draw() -> Mask:
        from pycocotools import mask as coco

        flat = [[value for point in ring for value in point] for ring in rings]
        pixels = coco.decode(coco.merge(coco.frPyObjects(flat, size.height, size.width)))
        return np.asarray(pixels, np.bool_)

    return Area(draw)


def check_ring(ring: Sequence[Point], size: FrameSize, where: str) -> None:
    """Raise PromptError if a polygon has fewer than three points, or lies far outside the frame."""
    if len(ring) < 3:
        raise PromptError(f"{where}: a polygon needs three points, not {len(ring)}")
    for x, y in ring:
        if not (-size.width <= x <= 2 * size.width and -size.height <= y <= 2 * size.height):
            raise PromptError(f"{where}: the point {x:g},{y:g} lies far outside the {size.width}x{size.height} frame")


def ellipse(centre: Point, radii: Point, degrees: float, size: FrameSize) -> Area:
    """Area of an ellipse turned clockwise."""

    def draw() -> Mask:
        x = np.arange(size.width) + 0.5 - centre[0]
        y = (np.arange(size.height) + 0.5 - centre[1])[:, None]
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        across, down = (x * cos + y * sin) / radii[0], (y * cos - x * sin) / radii[1]
        inside: Mask = across * across + down * down <= 1
        return inside

    return Area(draw)


def coco_area(segmentation: object, size: FrameSize, where: str) -> Area:
    """Area of a COCO segmentation: a list of polygons, or run lengths, as a list or compressed.

    Raises:
        PromptError: it is neither, or of another size than the video.
    """
    if isinstance(segmentation, list):
        rings = [
            pairs(numbers(ring, name := f"{where}: segmentation[{i}]"), name) for i, ring in enumerate(segmentation)
        ]
        return polygons(rings, size, where)
    record = Record(segmentation, f"{where}: segmentation")
    height, width = (whole(side, f"{record.where}: size") for side in record.numbers("size", 2))
    if (height, width) != (size.height, size.width):
        raise PromptError(f"{where}: the mask is {width}x{height} pixels but the video is {size.width}x{size.height}")
    counts = record.get("counts")
    if not isinstance(counts, str | list):
        raise PromptError(f"{record.where}: counts must be text or a list, not {shown(counts)}")

    def draw() -> Mask:
        runs = _decompressed(counts, record.where) if isinstance(counts, str) else counts
        return run_mask(runs, (width, height), record.where).T

    return Area(draw)


def run_mask(runs: Sequence[object], shape: tuple[int, int], where: str) -> Mask:
    """Mask bool `shape` whose pixels are alternately off and on for the given run lengths; the rest is off.

    Raises:
        PromptError: a length is not a whole number, or there are too many pixels.
    """
    lengths = np.array([whole(run, f"{where}: run {i}") for i, run in enumerate(runs)], np.int64)
    count = shape[0] * shape[1]
    if (total := int(lengths.sum())) > count:
        raise PromptError(f"{where}: the run lengths add up to {total} pixels, more than {count}")
    flat = np.zeros(count, np.bool_)
    flat[:total] = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return flat.reshape(shape)


def placed(patch: npt.NDArray[np.bool_], left: int, top: int, size: FrameSize) -> Mask:
    """Mask bool [height, width] of the frame with `patch` in it; what lies outside of the frame is cut off."""
    mask = np.zeros((size.height, size.width), np.bool_)
    inside = patch[max(0, -top) :, max(0, -left) :]
    room = mask[max(0, top) :, max(0, left) :]
    height, width = min(len(inside), len(room)), min(inside.shape[1], room.shape[1])
    room[:height, :width] = inside[:height, :width]
    return mask


def _decompressed(text: str, where: str) -> list[int]:
    """Run lengths of COCO's compressed form: numbers in groups of 5 bits, each relative to the last but one."""
    counts: list[int] = []
    value = shift = 0
    for sign in text:
        code = ord(sign) - 48
        if not 0 <= code < 64 or shift > _MOST_SHIFT:
            raise PromptError(f"{where}: counts are not compressed run lengths")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        value -= (code & 16 > 0) << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise PromptError(f"{where}: counts are cut off")
    return counts
