"""Thin objects between the camera and the scene: poles, wires, twigs."""

from __future__ import annotations

import cv2
import numpy as np

from sam2long.synthetic.compositing import Layer
from sam2long.synthetic.noise import Image, Series, chance, pick
from sam2long.synthetic.painting.background import SPREAD
from sam2long.synthetic.painting.textures import texture


def make_foreground(
    rng: np.random.Generator, height: int, width: int, thickness: float, keep_clear: Series, distance: float
) -> Image:
    """A sheet of thin strokes for frames of [height, width], uint8 [SPREAD height, SPREAD width, 4], premultiplied.

    No stroke is thicker than `thickness` or passes `keep_clear`, (x, y), at less than `distance`, all in frame heights.
    """
    rows, columns = int(height * SPREAD), int(width * SPREAD)
    alpha = np.zeros((rows, columns), np.uint8)
    parallel, heading = chance(rng, 0.4), pick(rng, 0, np.pi)
    count = int(rng.integers(2, 6))
    for index in range(count):
        angle = heading if parallel else pick(rng, 0, np.pi)
        middle = (index + pick(rng, 0.2, 0.8)) / count - 0.5
        points = _stroke(rng, angle, middle, 0.0 if parallel else pick(rng, 0.01, 0.08)) * SPREAD
        if float(np.hypot(*(points - keep_clear).T).min()) < distance:
            continue
        pixels = np.round(points * height + np.array([columns, rows]) / 2).astype(np.int32)
        cv2.polylines(alpha, [pixels], False, 255, max(round(height * thickness * pick(rng, 0.35, 1)), 1), cv2.LINE_AA)
    paint = cv2.multiply(texture(rng, rows, columns), cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB), scale=1 / 255)
    sheet: Image = cv2.merge([paint, alpha])
    return sheet


def foreground_layer(sheet: Image, view: Series, shape: tuple[int, int]) -> Layer:
    """The sheet as the camera sees it, a layer of the whole frame; `view` maps positions to pixels."""
    height, width = shape
    rows, columns = sheet.shape[:2]
    to_sheet = np.array([[height, 0, (columns - 1) / 2], [0, height, (rows - 1) / 2], [0, 0, 1]]) @ np.linalg.inv(view)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return Layer(
        cv2.warpAffine(sheet, to_sheet[:2], (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101), 0, 0
    )


def _stroke(rng: np.random.Generator, angle: float, middle: float, curve: float) -> Series:
    """A long, gently waving line that passes the middle at the distance `middle`, float64 [n, 2] in sheet heights."""
    along = np.linspace(-1.5, 1.5, 120)
    across = middle + curve * np.sin(pick(rng, 2, 8) * along + pick(rng, 0, 7))
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([along * cos - across * sin, along * sin + across * cos], -1)
