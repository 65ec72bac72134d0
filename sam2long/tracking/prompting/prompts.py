"""What a user marks on a frame: clicks, boxes and masks, checked against the video when they are given."""

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
    """One round of marking: points and perhaps a box, in pixels (x, y) of the video.

    Attributes:
        points: places clicked.
        labels: for each, 1 for the object and 0 for what is not the object.
        box: (x0, y0, x1, y1) around the object, or None.
        replace: these stand in for the points and boxes of earlier rounds, of which only the mask goes on.
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
        stride: of the propagation it came from, negative when it went backward; 0 for a mask that the user gave.
    """

    logits: bytes
    stride: int


@dataclass(frozen=True)
class ObjectPrompt:
    """All a user marked for one object on one frame.

    Attributes:
        mask: bool [height, width], or None.
        rounds: clicks, of which each round refines the last; none if there is a mask.
        refines: the mask that the first round refines; None if it stands alone.
        replaces: the tracked mask that a mask of the user took the place of; None for a frame that had none.
    """

    mask: npt.NDArray[np.bool_] | None = None
    rounds: tuple[Clicks, ...] = ()
    refines: Tracked | None = None
    replaces: Tracked | None = None

    @property
    def tracked(self) -> Tracked | None:
        """What tracking had said of the frame before it was marked, if it had come there."""
        corrects = self.refines is not None and self.refines.stride != 0
        return self.refines if corrects else self.replaces

    def asks_as(self, other: ObjectPrompt | None) -> bool:
        """Whether the user asked for the same, whatever tracking had said of the frame."""
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
    """Return valid clicks. `where` names the prompt in messages, as in "object 1 on frame 0".

    Raises:
        PromptError: there is no prompt, a number is not finite or outside the frame, or counts do not match.
    """
    if box is None and len(points) == 0:
        raise PromptError(f"{where}: no point and no box is given")
    if len(points) != len(labels):
        raise PromptError(f"{where}: {len(points)} points but {len(labels)} labels")
    for label in labels:
        if label not in (0, 1):
            raise PromptError(f"{where}: label {label} of a point; 1 marks the object, 0 what is not the object")
    return Clicks(
        tuple(_check_point(point, size, where) for point in points),
        tuple(int(label) for label in labels),
        None if box is None else _check_box(box, size, where),
        replace,
    )


def check_mask(mask: npt.ArrayLike, size: FrameSize, where: str) -> npt.NDArray[np.bool_]:
    """Return a mask as bool [height, width].

    Args:
        mask: bool, or numbers that are all 0 and 1 or all 0 and 255.
        size: of the video.
        where: names the prompt in messages.

    Raises:
        PromptError: it has another size than the video, is empty, or holds other values.
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
            f"{where}: the mask has values from {low:g} to {high:g}; give bool, or 0 and 1: logits > 0, "
            "probabilities > 0.5, or labels == ID"
        )
    return inside


def whole_number(value: SupportsIndex, what: str) -> int:
    """A frame number or object id as a plain int; NumPy's integers are welcome.

    Raises:
        PromptError: it is no whole number.
    """
    if not isinstance(value, (bool, np.bool_)):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise PromptError(f"{what} must be a whole number, not {value!r}")


def _check_point(point: Sequence[float], size: FrameSize, where: str) -> Point:
    if len(point) != 2 or not all(math.isfinite(value) for value in point):
        raise PromptError(f"{where}: {_show(point)} is no point; x,y are needed, in pixels")
    x, y = (float(value) for value in point)
    if not (0 <= x <= size.width and 0 <= y <= size.height):
        raise PromptError(f"{where}: point {_show(point)} lies outside the {size.width}x{size.height} frame")
    return x, y


def _check_box(box: Sequence[float], size: FrameSize, where: str) -> Box:
    if len(box) != 4 or not all(math.isfinite(value) for value in box):
        raise PromptError(f"{where}: {_show(box)} is no box; x0,y0,x1,y1 are needed, in pixels")
    x0, y0, x1, y1 = (float(value) for value in box)
    if x0 >= x1 or y0 >= y1:
        raise PromptError(f"{where}: box {_show(box)} is empty; x0 < x1 and y0 < y1 are needed")
    frame = f"the {size.width}x{size.height} frame"
    if x1 <= 0 or y1 <= 0 or x0 >= size.width or y0 >= size.height:
        raise PromptError(f"{where}: box {_show(box)} lies outside {frame}")
    inside = max(x0, 0.0), max(y0, 0.0), min(x1, float(size.width)), min(y1, float(size.height))
    if inside != (x0, y0, x1, y1):
        # Detectors overshoot by a fraction of a pixel; SAM 2 does not mind either.
        warnings.warn(f"{where}: box {_show(box)} reaches outside {frame} and is cut to {_show(inside)}", stacklevel=2)
    return inside


def _show(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)
