"""Exact outlines of a mask along its pixel edges, as polygons with holes that are valid by the rules of GIS."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from sam2long.results.outlines import edge_grid

Mask = npt.NDArray[np.bool_]
Ring = npt.NDArray[np.int32]


class Region(NamedTuple):
    """One part of a mask whose pixels are connected by their sides.

    Attributes:
        outline: int32 [points, 2], (x, y) corners of pixels, with (0, 0) at the outer corner of the top-left pixel;
            the last point is not the first. The sum of x0 * y1 - x1 * y0 along it is positive.
        holes: outlines of the holes, which run the other way around.
    """

    outline: Ring
    holes: list[Ring]


def regions(mask: Mask) -> list[Region]:
    """Return the parts of a bool [height, width] mask, from top to bottom; an empty mask has none.

    Areas are exact, and rings touch at single points at most, so that the parts form a valid multipolygon (OGC Simple
    Features). `polygons` needs far fewer points.
    """
    pixels = np.ascontiguousarray(mask).view(np.uint8)
    left, top, width, height = cv2.boundingRect(pixels)
    if not width:
        return []
    inside = pixels[top : top + height, left : left + width]
    # With pixels connected by their sides only, no ring meets itself.
    count, numbers, boxes, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
    found = []
    for number in range(1, count):
        x, y, w, h = (int(side) for side in boxes[number, :4])
        found.append(_region(numbers[y : y + h, x : x + w] == number, np.array((left + x, top + y), np.int32)))
    return found


def _region(part: Mask, corner: Ring) -> Region:
    rings, tree = cv2.findContours(edge_grid(part), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    outlines: list[Ring] = []
    holes: list[Ring] = []
    for ring, parent in zip(rings, tree[0, :, 3], strict=True):
        corners = _corners(ring[:, 0]) + corner
        forward = cv2.contourArea(corners, oriented=True) > 0
        (outlines if parent < 0 else holes).append(corners if forward == (parent < 0) else corners[::-1])
    return Region(outlines[0], holes)


def _corners(chain: Ring) -> Ring:
    """Corners at which a chain on the edge grid turns: int32 [points, 2], in pixels.

    OpenCV cuts inner corners, from the middle of one edge to that of the next; corners have even coordinates.
    """
    following = np.roll(chain, -1, axis=0)
    cut = (chain != following).all(axis=1)
    corners = np.where(chain % 2 == 0, chain, following)
    whole = np.insert(chain, np.flatnonzero(cut) + 1, corners[cut], axis=0)
    steps = np.roll(whole, -1, axis=0) - whole
    turns = (steps != np.roll(steps, 1, axis=0)).any(axis=1)
    kept: Ring = whole[turns] // 2
    return kept
