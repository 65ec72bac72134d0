"""The background: textured regions, shading, and static objects."""

from __future__ import annotations

import cv2
import numpy as np

from sam2long.synthetic.compositing import Canvas, cast_shadow, figure_layer, paste
from sam2long.synthetic.noise import Image, Series, chance, pick, value_noise
from sam2long.synthetic.painting.figures import Figure, make_still
from sam2long.synthetic.painting.textures import Paints, palette, roughen, texture

SPREAD = 1.6
"""The ground is painted this much larger than the frame; beyond it is mirrored."""
MOST_STAMPS = 4
"""Still objects are copies of at most this many."""


def make_ground(rng: np.random.Generator, height: int, width: int, clutter: int, paints: Paints) -> Image:
    """A background picture for frames of [height, width], uint8 RGB [SPREAD height, SPREAD width, 3].

    `clutter` is the number of static objects on it, cut from the scene's `paints`.
    """
    rows, columns = int(height * SPREAD), int(width * SPREAD)
    # Painted at frame resolution and enlarged: the fine grain comes after, at full size.
    painted = cv2.resize(_regions(rng, height, width), (columns, rows), interpolation=cv2.INTER_CUBIC)
    ground = roughen(rng, painted, pick(rng, 0.08, 0.3))
    canvas = Canvas(ground, np.zeros((rows, columns), np.uint8))
    stamps = [make_still(rng, max(int(height * 0.16), 16), paints) for _ in range(min(clutter, MOST_STAMPS))]
    for _ in range(clutter):
        _drop_object(rng, canvas, height, stamps[rng.integers(len(stamps))])
    shade = (96 + 64 * value_noise(rng, rows, columns, rows / pick(rng, 1, 3), 1)).astype(np.uint8)
    lit: Image = cv2.multiply(canvas.image, cv2.cvtColor(shade, cv2.COLOR_GRAY2RGB), scale=1 / 128)
    sigma = pick(rng, 0.0, height / 150)
    return cv2.GaussianBlur(lit, (0, 0), sigma) if sigma > 0.4 else lit


def ground_view(ground: Image, view: Series, shape: tuple[int, int]) -> Image:
    """The part of the ground that the camera sees, uint8 RGB [height, width, 3]; `view` maps positions to pixels."""
    height, width = shape
    rows, columns = ground.shape[:2]
    to_ground = np.array([[height, 0, (columns - 1) / 2], [0, height, (rows - 1) / 2], [0, 0, 1]]) @ np.linalg.inv(view)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen: Image = cv2.warpAffine(ground, to_ground[:2], (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return seen


def _regions(rng: np.random.Generator, rows: int, columns: int) -> Image:
    """One to three textured regions: a wall, a wall over a floor, patches with noisy borders."""
    colours = palette(rng)
    ground = texture(rng, rows, columns, colours)
    for _ in range(int(rng.integers(0, 3))):
        other = texture(rng, rows, columns, None if chance(rng, 0.6) else colours)
        border = value_noise(rng, rows, columns, rows / pick(rng, 1, 3), 2) * pick(rng, 0.0, 1.2)
        slope = pick(rng, -0.4, 0.4) * np.linspace(-1, 1, columns)[None] + np.linspace(0, 1, rows)[:, None]
        inside = (border + slope.astype(np.float32)) > pick(rng, 0.4, 1.1)
        cv2.copyTo(other, inside.astype(np.uint8), ground)
    return ground


def _drop_object(rng: np.random.Generator, canvas: Canvas, height: int, figure: Figure) -> None:
    """Paint one static object at a random place, size and angle."""
    rows, columns = canvas.ids.shape
    radius = height * float(np.exp(rng.uniform(np.log(0.03), np.log(0.2))))
    angle, flip = pick(rng, 0, 2 * np.pi), rng.choice([-1.0, 1.0])
    cos, sin = radius * np.cos(angle), radius * np.sin(angle)
    place = np.array([[cos * flip, -sin, pick(rng, 0, columns)], [sin * flip, cos, pick(rng, 0, rows)], [0, 0, 1]])
    layer = figure_layer(figure, place, 0, np.zeros(2), (rows, columns))
    if layer is None:
        return
    if chance(rng, 0.5):
        cast_shadow(canvas, layer, (int(radius * 0.12), int(radius * 0.15)), 0.45)
    paste(canvas, layer, 0)
