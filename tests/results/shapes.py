"""Masks with holes and in several parts, and a plain second implementation of filling outlines."""

from __future__ import annotations

import numpy as np

HEIGHT, WIDTH = 120, 180


def windings(polygon, height=HEIGHT, width=WIDTH):
    """How often a polygon goes around the middle of each pixel: int [height, width]. A plain second implementation."""
    xs, ys = np.arange(width) + 0.5, np.arange(height) + 0.5
    turns = np.zeros((height, width), int)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crossed = (y1 > ys).astype(int) - (y0 > ys)
        at = x0 + (ys - y0) * (x1 - x0) / (y1 - y0 or 1)
        turns += crossed[:, None] * (xs < at[:, None])
    return turns


def filled(polygon, height=HEIGHT, width=WIDTH):
    """Pixels whose middles lie inside by the even-odd rule: bool [height, width]."""
    return windings(polygon, height, width) % 2 == 1


def any_of(layers, shape):
    return np.logical_or.reduce([np.zeros(shape, bool), *layers])


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def ellipse(x, y, a, b):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return ((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 < 1


def swiss():
    """Two parts, one with two holes, an island in one of them."""
    body = ellipse(70, 60, 60, 50) & ~ellipse(50, 50, 18, 14) & ~ellipse(95, 70, 12, 20)
    return body | ellipse(50, 50, 7, 5) | ellipse(155, 30, 20, 25)


def near_edge(mask):
    """Pixels that touch the edge of a mask from either side, also diagonally: bool [height, width]."""
    padded = np.pad(mask, 1, mode="edge")
    height, width = mask.shape
    shifted = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.logical_or.reduce(shifted) & ~np.logical_and.reduce(shifted)
