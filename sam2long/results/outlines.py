"""Masks as polygons: outlines that run along the pixels' edges, and the cuts that make one polygon of several."""

from __future__ import annotations

from collections import defaultdict

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Polygon = npt.NDArray[np.float32]


def polygons(mask: Mask, tolerance: float) -> list[Polygon]:
    """One polygon for each connected part of a bool [height, width] mask; none of an empty one.

    Returns:
        float32 [points, 2] polygons, (x, y) in pixels with (0, 0) the outer corner of the upper left pixel. A hole is
        joined to its part by a cut of no width, so that every polygon can be filled by itself, under either fill rule.
    """
    if not mask.any():
        return []
    mask = np.ascontiguousarray(mask)
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    rings, tree = cv2.findContours(
        _edge_grid(mask[top : top + height, left : left + width]), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
    )
    corner = np.array((left, top), np.float32)
    parts: dict[int, list[Polygon]] = {}  # OpenCV puts the holes of a part anywhere behind or before it
    for number, (ring, parent) in enumerate(zip(rings, tree[0, :, 3], strict=True)):
        outline = _simplify(ring, tolerance) + corner
        if parent < 0:
            parts.setdefault(number, []).insert(0, outline)
        else:
            parts.setdefault(int(parent), []).append(outline)
    return [join(part) for part in parts.values()]


def join(rings: list[Polygon]) -> Polygon:
    """Tie the other polygons to the first by cuts of no width, each walked there and back: float32 [points, 2]."""
    outline = rings[0]
    detours: defaultdict[int, list[Polygon]] = defaultdict(list)
    for ring in rings[1:]:
        start = _nearest(outline, ring[0])
        entry = _nearest(ring, outline[start])
        detours[start] += [ring[entry:], ring[: entry + 1], outline[start : start + 1]]
    pieces, done = [], 0
    for start in sorted(detours):
        pieces += [outline[done : start + 1], *detours[start]]
        done = start + 1
    return np.concatenate([*pieces, outline[done:]])


def _edge_grid(mask: Mask) -> npt.NDArray[np.uint8]:
    """uint8 [2 * height + 1, 2 * width + 1]: pixels, their edges and corners as points, 1 where the mask has them.

    OpenCV runs its outlines through the outermost points inside, which here lie on the edges of pixels.
    """
    height, width = mask.shape
    grid = np.zeros((2 * height + 1, 2 * width + 1), np.uint8)
    grid[1::2, 1::2] = mask
    grown: npt.NDArray[np.uint8] = np.asarray(cv2.dilate(grid, np.ones((3, 3), np.uint8)), np.uint8)
    return grown


def _simplify(ring: npt.NDArray[np.int32], tolerance: float) -> Polygon:
    """From the grid of edges to pixels: float32 [points, 2]."""
    points = ring.astype(np.float32) / 2
    fewer = cv2.approxPolyDP(points, tolerance, closed=True) if tolerance else points
    kept: Polygon = np.asarray(fewer if len(fewer) > 2 else points, np.float32)[:, 0]
    return kept


def _nearest(points: Polygon, place: Polygon) -> int:
    x, y = (points - place).T
    return int((x * x + y * y).argmin())
