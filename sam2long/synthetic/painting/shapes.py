"""Silhouettes: antialiased coverage of a shape inside the square [-1, 1] x [-1, 1]."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from sam2long.synthetic.noise import Image, Series, chance, pick

REACH = 0.93
"""No shape goes farther than this from the centre: warping needs an empty rim."""

Outline = Callable[[np.random.Generator], list[Series]]
_SUBPIXEL_BITS = 5


def silhouette(rng: np.random.Generator, size: int, *, solid: bool = False) -> Image:
    """Coverage of a random shape, uint8 [size, size], 255 inside; `solid` picks from the shapes without thin parts."""
    outlines = SOLID if solid else OBJECTS
    choice = int(rng.integers(len(outlines) + (0 if solid else 2)))
    if choice >= len(outlines):
        return _letter(rng, size)
    return draw(outlines[choice](rng), size)


def draw(polygons: list[Series], size: int) -> Image:
    """Coverage of the union of polygons (float [n, 2], x and y in -1..1), scaled to reach, uint8 [size, size]."""
    farthest = max(float(np.hypot(points[:, 0], points[:, 1]).max()) for points in polygons)
    canvas = np.zeros((size, size), np.uint8)
    for points in polygons:
        pixels = (points * (REACH / farthest) + 1) * size / 2 - 0.5
        fixed = np.round(pixels * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return canvas


def limb(length_to_width: float, size: int) -> Image:
    """Coverage of a limb along x, uint8 [size, size]: rounded ends, a little thinner at the far end."""
    width = REACH / length_to_width
    turn = np.linspace(0, np.pi, 12)
    near = np.stack([-REACH + width - width * np.sin(turn), width * np.cos(turn)], -1)
    far = np.stack([REACH - width * (1 - np.sin(turn)), -0.7 * width * np.cos(turn)], -1)
    return draw([np.concatenate([near, far])], size)


def _circle(count: int = 72) -> Series:
    return np.linspace(0, 2 * np.pi, count, endpoint=False)


def _polar(radius: Series, angle: Series) -> Series:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)


def _blob(rng: np.random.Generator) -> list[Series]:
    angle = _circle()
    radius = np.ones_like(angle)
    for order in range(2, 8):
        radius += rng.normal(0, 0.42 / order) * np.cos(order * angle + pick(rng, 0, 7))
    stretch = np.array([1.0, pick(rng, 0.45, 1.0)])
    return [_polar(np.clip(radius, 0.25, None), angle) * stretch]


def _polygon(rng: np.random.Generator) -> list[Series]:
    count = int(rng.integers(3, 9))
    angle = _circle(count) + rng.normal(0, 0.25, count)
    return [_polar(rng.uniform(0.6, 1, count), angle)]


def _star(rng: np.random.Generator) -> list[Series]:
    tips = int(rng.integers(4, 9))
    radius = np.where(np.arange(2 * tips) % 2 == 0, 1.0, pick(rng, 0.35, 0.7))
    return [_polar(radius, _circle(2 * tips) + pick(rng, 0, 1))]


def _superellipse(rng: np.random.Generator) -> list[Series]:
    angle, power = _circle(), pick(rng, 0.35, 1.0)
    cos, sin = np.cos(angle), np.sin(angle)
    points = np.stack([np.sign(cos) * np.abs(cos) ** power, np.sign(sin) * np.abs(sin) ** power], -1)
    return [points * np.array([1.0, pick(rng, 0.4, 1.0)])]


def _crescent(rng: np.random.Generator) -> list[Series]:
    span = pick(rng, 1.6, 2.6)
    angle = np.linspace(-span, span, 40)
    depth = pick(rng, 0.45, 0.9)
    inner = _polar(1 - depth * np.cos(angle / span * np.pi / 2), angle)
    return [np.concatenate([_polar(np.ones(40), angle), inner[::-1]])]


def _tube(rng: np.random.Generator) -> list[Series]:
    """A snake: a curved band of changing width."""
    along = np.linspace(-1, 1, 40)
    spine = np.stack([along, pick(rng, 0.1, 0.45) * np.sin(along * pick(rng, 2, 6) + pick(rng, 0, 6))], -1)
    step = np.gradient(spine, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], -1) / np.hypot(step[:, 0], step[:, 1])[:, None]
    width = pick(rng, 0.09, 0.24) * (1 - 0.6 * np.abs(along) ** pick(rng, 2, 6))[:, None]
    return [np.concatenate([spine + normal * width, (spine - normal * width)[::-1]])]


def _cross(rng: np.random.Generator) -> list[Series]:
    arms, width = int(rng.integers(2, 5)), pick(rng, 0.14, 0.32)
    bar = np.array([[-1, -width], [1, -width], [1, width], [-1, width]])
    turns = np.pi * np.arange(arms) / arms + pick(rng, 0, 1)
    return [bar @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) for a in turns]


def _figure(rng: np.random.Generator) -> list[Series]:
    """A shape like an animal or a tool: a body with a few lumps and spikes."""
    body = _superellipse(rng)[0] * np.array([0.6, 0.55])
    parts = [body]
    for _ in range(int(rng.integers(2, 6))):
        centre = body[rng.integers(len(body))]
        if chance(rng, 0.5):
            parts.append(centre + _blob(rng)[0] * pick(rng, 0.15, 0.32))
        else:
            tip = centre * pick(rng, 1.5, 2.4) + rng.normal(0, 0.15, 2)
            side = np.array([-centre[1], centre[0]]) * pick(rng, 0.15, 0.5)
            parts.append(np.stack([centre * 0.3 + side, tip, centre * 0.3 - side]))
    return parts


def _letter(rng: np.random.Generator, size: int) -> Image:
    """A thick letter or digit, drawn large and scaled into reach."""
    letter = "ABCDEFGHJKLMNPQRSTUVXYZ23456789&?"[rng.integers(33)]
    canvas = np.zeros((160, 160), np.uint8)
    thickness = int(rng.integers(16, 30))
    cv2.putText(canvas, letter, (34, 118), cv2.FONT_HERSHEY_DUPLEX, 3.6, 255, thickness, cv2.LINE_AA)
    x, y, width, height = cv2.boundingRect(canvas)
    scale = size * REACH / float(np.hypot(width, height))
    fitted = cv2.resize(canvas[y : y + height, x : x + width], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (size - fitted.shape[0]) // 2, (size - fitted.shape[1]) // 2
    centred: Image = cv2.copyMakeBorder(
        fitted, top, size - top - fitted.shape[0], left, size - left - fitted.shape[1], cv2.BORDER_CONSTANT
    )
    return centred


def _calm_blob(rng: np.random.Generator) -> list[Series]:
    angle = _circle()
    radius = np.ones_like(angle)
    for order in range(2, 9):
        radius += rng.normal(0, 0.16 / order) * np.cos(order * angle + pick(rng, 0, 7))
    if chance(rng, 0.4):
        radius += rng.normal(0, 0.03, len(angle))
    return [_polar(radius, angle)]


def _plate(rng: np.random.Generator) -> list[Series]:
    count = int(rng.integers(5, 9))
    return [_polar(rng.uniform(0.9, 1, count), _circle(count) + pick(rng, 0, 1))]


def _box(rng: np.random.Generator) -> list[Series]:
    return [np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([1.0, pick(rng, 0.5, 1.0)])]


OBJECTS: tuple[Outline, ...] = (
    _blob,
    _blob,
    _polygon,
    _star,
    _superellipse,
    _crescent,
    _tube,
    _cross,
    _figure,
    _figure,
)
SOLID: tuple[Outline, ...] = (_calm_blob, _plate, _box)
