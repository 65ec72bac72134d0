"""Converts masks to polygons along the pixel edges, and joins several polygons into one by zero-width cuts."""

from __future__ import annotations

from collections import defaultdict

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Polygon = npt.NDArray[np.float32]


def polygons(mask: Mask, tolerance: float) -> list[Polygon]:
    """Return one polygon per connected part of a bool [height, width] mask; an empty mask has none.

    Returns:
        float32 [points, 2] polygons, (x, y) in pixels with (0, 0) at the outer corner of the top-left pixel. A hole is
        joined to its part by a zero-width cut, so each polygon can be filled on its own under either fill rule.
    """
    return [join([ring / np.float32(2) for ring in part]) for part in _parts(mask, 2 * tolerance, on_edges=True)]


def centre_lines(mask: Mask, tolerance: float) -> list[Polygon]:
    """Return polygons as `polygons` does, but through the middles of the outermost pixels.

    Readers that fill a polygon together with the pixels under its outline (LabelMe, Pillow) get the mask back from
    these. Each has three points or more; a part of one or two pixels repeats some.
    """
    joined = (join(part) + np.float32(0.5) for part in _parts(mask, tolerance, on_edges=False))
    return [np.resize(ring, (3, 2)) if len(ring) < 3 else ring for ring in joined]


def _parts(mask: Mask, tolerance: float, *, on_edges: bool) -> list[list[Polygon]]:
    """Rings of every connected part, its outline first, in pixels of the mask or, `on_edges`, of its edge grid."""
    if not mask.any():
        return []
    mask = np.ascontiguousarray(mask)
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    inside = mask[top : top + height, left : left + width]
    pixels = edge_grid(inside) if on_edges else np.ascontiguousarray(inside).view(np.uint8)
    rings, tree = cv2.findContours(pixels, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    corner = np.array((left, top), np.float32) * (2 if on_edges else 1)
    parts: dict[int, list[Polygon]] = {}  # OpenCV may list the holes of a part before or after it
    for number, (ring, parent) in enumerate(zip(rings, tree[0, :, 3], strict=True)):
        outline = _simplify(ring, tolerance) + corner
        if parent < 0:
            parts.setdefault(number, []).insert(0, outline)
        else:
            parts.setdefault(int(parent), []).append(outline)
    return list(parts.values())


def join(rings: list[Polygon]) -> Polygon:
    """Join all polygons to the first by zero-width cuts, each traversed both ways: float32 [points, 2]."""
    outline = rings[0]
    detours: defaultdict[int, list[Polygon]] = defaultdict(list)
    for ring in rings[1:]:
        start = _nearest(outline, ring[0])
        entry = _nearest(ring, outline[start])
        start = _nearest(outline, ring[entry])
        detours[start] += [ring[entry:], ring[: entry + 1], outline[start : start + 1]]
    pieces, done = [], 0
    for start in sorted(detours):
        pieces += [outline[done : start + 1], *detours[start]]
        done = start + 1
    return np.concatenate([*pieces, outline[done:]])


def chain(parts: list[Polygon]) -> Polygon:
    """Join parts that lie apart to one polygon by short cuts, the largest first: float32 [points, 2]."""
    first, *others = sorted(parts, key=cv2.contourArea, reverse=True)
    for part in others:
        first = join([first, part])
    return first


def edge_grid(mask: Mask) -> npt.NDArray[np.uint8]:
    """uint8 [2 * height + 1, 2 * width + 1] grid of pixels, their edges and corners, 1 where the mask covers them.

    OpenCV traces outlines through the outermost points inside, which on this grid lie on the pixel edges.
    """
    height, width = mask.shape
    grid = np.zeros((2 * height + 1, 2 * width + 1), np.uint8)
    grid[1::2, 1::2] = mask
    grown: npt.NDArray[np.uint8] = np.asarray(cv2.dilate(grid, np.ones((3, 3), np.uint8)), np.uint8)
    return grown


def _simplify(ring: npt.NDArray[np.int32], tolerance: float) -> Polygon:
    """Drop points within the tolerance: float32 [points, 2]."""
    points = ring.astype(np.float32)
    fewer = cv2.approxPolyDP(points, tolerance, closed=True) if tolerance else points
    kept: Polygon = np.asarray(fewer if len(fewer) > 2 else points, np.float32)[:, 0]
    return kept


def _nearest(points: Polygon, place: Polygon) -> int:
    x, y = (points - place).T
    return int((x * x + y * y).argmin())
