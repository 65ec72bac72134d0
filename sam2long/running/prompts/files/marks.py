"""What files of other tools have in common: objects that are marked on frames."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Mask: TypeAlias = npt.NDArray[np.bool_]
Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A box (x0, y0, x1, y1) in pixels of the video."""

    corners: tuple[float, float, float, float]


@dataclass(frozen=True)
class Clicks:
    """Points on the object, in pixels of the video."""

    points: tuple[Point, ...]


@dataclass(frozen=True)
class Area:
    """Pixels of the object; `draw` returns them as bool [height, width], and is only called if they are wanted."""

    draw: Callable[[], Mask]


Shape: TypeAlias = Box | Clicks | Area


@dataclass(frozen=True)
class Mark:
    """One shape of one object on one frame.

    Attributes:
        frame: frame number in the video.
        key: tells which marks belong to the same object; None if the file does not say.
        label: class or name of the object, or None.
        shape: what is marked.
        where: names the mark in messages.
        keyframe: whether somebody has marked it, rather than a tool in between.
    """

    frame: int
    key: Hashable | None
    label: str | None
    shape: Shape
    where: str
    keyframe: bool = True
