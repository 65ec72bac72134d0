"""Prompts on a frame: clicks, boxes and masks, checked against the video when they are given."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from sam2long.errors import PromptError

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Clicks:
    """One round of clicks: points and optionally a box, in pixels of the video.

    Attributes:
        points: (x, y) of each point.
        labels: one per point, 1 for the object and 0 for the background.
        box: (x0, y0, x1, y1) around the object, or None.
        replace: whether this round replaces the points and boxes of earlier rounds, of which only the mask is kept.
    """

    points: tuple[Point, ...]
    labels: tuple[int, ...]
    box: Box | None = None
    replace: bool = False


@dataclass(frozen=True)
class Tracked:
    """The mask that a frame had before it was corrected.

    Attributes:
        logits: packed mask logits, see `packing`.
        stride: of the propagation that tracked it, negative if that went backward; 0 for a mask given by the user.
    """

    logits: bytes
    stride: int


@dataclass(frozen=True)
class ObjectPrompt:
    """All prompts of one object on one frame.

    Attributes:
        mask: bool [height, width], or None.
        rounds: rounds of clicks, each refining the previous one; empty if there is a mask.
        refines: the mask that the first round refines; None if it starts from scratch.
        replaces: the tracked mask that the user's mask replaced; None if the frame had none.
    """

    mask: npt.NDArray[np.bool_] | None = None
    rounds: tuple[Clicks, ...] = ()
    refines: Tracked | None = None
    replaces: Tracked | None = None

    @property
    def tracked(self) -> Tracked | None:
        """The tracked mask that the frame had before it was prompted, or None."""
        corrects = self.refines is not None and self.refines.stride != 0
        return self.refines if corrects else self.replaces

    def asks_as(self, other: ObjectPrompt | None) -> bool:
        """Whether the user's input is the same, regardless of any tracked mask that the frame had."""
        if other is None or self.rounds != other.rounds:
            return False
        if self.mask is None or other.mask is None:
            return self.mask is other.mask
        return np.array_equal(self.mask, other.mask)


@dataclass(frozen=True)
class FrameSize:
    """Height and width of the video in pixels."""

    height: int
    width: int


def check_clicks(
    points: Sequence[Sequence[float]],
    labels: Sequence[int],
    box: Sequence[float] | None,
    size: FrameSize,
    where: str,
    replace: bool = False,
) -> Clicks:
    """Return checked clicks. `where` names the prompt in messages, as in "object 1 on frame 0".

    Raises:
        PromptError: there is no point and no box, a number is not finite, a place is outside the frame, a label is
            neither 0 nor 1, or there are not as many labels as points.
    """
    if box is None and len(points) == 0:
        raise PromptError(f"{where}: neither a point nor a box is given")
    if len(points) != len(labels):
        raise PromptError(f"{where}: {len(points)} points but {len(labels)} labels")
    for label in labels:
        if label not in (0, 1):
            raise PromptError(f"{where}: label {label} of a point is not valid; use 1 for the object, 0 for background")
    return Clicks(
        tuple(_check_point(point, size, where) for point in points),
        tuple(int(label) for label in labels),
        None if box is None else _check_box(box, size, where),
        replace,
    )


def check_mask(mask: npt.ArrayLike, size: FrameSize, where: str) -> npt.NDArray[np.bool_]:
    """Return a checked mask as bool [height, width].

    Args:
        mask: bool, or numbers that are all 0 and 1 or all 0 and 255.
        size: of the video.
        where: names the prompt in messages.

    Raises:
        PromptError: the mask differs in size from the video, is empty, or has other values.
    """
    array = np.asarray(mask)
    if array.shape != (size.height, size.width):
        shape = "x".join(str(side) for side in array.shape[::-1])
        raise PromptError(f"{where}: the mask is {shape} pixels but the video is {size.width}x{size.height}")
    if not array.any():
        raise PromptError(f"{where}: the mask is empty")
    inside: npt.NDArray[np.bool_] = array != 0
    if array.dtype != bool and not ((array[inside] == 1).all() or (array[inside] == 255).all()):
        low, high = array.min(), array.max()
        raise PromptError(
            f"{where}: the mask has values from {low:g} to {high:g}; pass bool, or 0 and 1: logits > 0, "
            "probabilities > 0.5, or labels == ID"
        )
    return inside


def whole_number(value: SupportsIndex, what: str) -> int:
    """Return a frame number or object id as a plain int; NumPy integers are accepted.

    Raises:
        PromptError: it is not a whole number, or does not fit into 64 bits.
    """
    try:
        number = None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise PromptError(f"{what} must be a whole number, not {value!r}")
    if not -(2**63) <= number < 2**63:
        raise PromptError(f"{what} has more than 64 bits")
    return number


def _check_point(point: Sequence[float], size: FrameSize, where: str) -> Point:
    if len(point) != 2 or not all(math.isfinite(value) for value in point):
        raise PromptError(f"{where}: {_show(point)} is not a valid point; expected x,y in pixels")
    x, y = (float(value) for value in point)
    if not (0 <= x <= size.width and 0 <= y <= size.height):
        raise PromptError(f"{where}: point {_show(point)} lies outside the {size.width}x{size.height} frame")
    return x, y


def _check_box(box: Sequence[float], size: FrameSize, where: str) -> Box:
    if len(box) != 4 or not all(math.isfinite(value) for value in box):
        raise PromptError(f"{where}: {_show(box)} is not a valid box; expected x0,y0,x1,y1 in pixels")
    x0, y0, x1, y1 = (float(value) for value in box)
    if x0 >= x1 or y0 >= y1:
        raise PromptError(f"{where}: box {_show(box)} is empty; expected x0 < x1 and y0 < y1")
    frame = f"the {size.width}x{size.height} frame"
    if x1 <= 0 or y1 <= 0 or x0 >= size.width or y0 >= size.height:
        raise PromptError(f"{where}: box {_show(box)} lies outside {frame}")
    inside = max(x0, 0.0), max(y0, 0.0), min(x1, float(size.width)), min(y1, float(size.height))
    if inside != (x0, y0, x1, y1):
        # Detectors often overshoot the frame by a fraction of a pixel, which SAM 2 accepts too.
        warnings.warn(f"{where}: box {_show(box)} extends beyond {frame}; clipped to {_show(inside)}", stacklevel=2)
    return inside


def _show(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)
