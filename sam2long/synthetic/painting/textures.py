"""Procedural textures: a scalar pattern, coloured by a palette, roughened by fine noise."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from sam2long.synthetic.noise import Field, Image, Series, chance, pick, value_noise

Pattern = Callable[[np.random.Generator, int, int], Field]


def texture(rng: np.random.Generator, height: int, width: int, colours: Series | None = None) -> Image:
    """A random texture, uint8 RGB [height, width, 3].

    Args:
        rng: source of all random choices.
        height: rows, pixels.
        width: columns, pixels.
        colours: float RGB 0..255 [n, 3] to paint with; a random palette when None.
    """
    pattern = PATTERNS[rng.integers(len(PATTERNS))](rng, height, width)
    lookup = _ramp(rng, palette(rng) if colours is None else colours)
    level = cv2.convertScaleAbs(pattern, alpha=255)
    painted: Image = cv2.LUT(cv2.merge([level] * 3), lookup[None])
    return roughen(rng, painted, pick(rng, 0.05, 0.45))


class Paints:
    """A few textures that all objects of a scene are cut from, since cutting is much cheaper than painting."""

    def __init__(self, rng: np.random.Generator, side: int, count: int = 5) -> None:
        self._sheets = [texture(rng, side, side) for _ in range(count)]

    def cut(self, rng: np.random.Generator, size: int) -> Image:
        """A random piece of a random sheet, flipped and with its colour channels swapped, uint8 RGB [size, size, 3]."""
        sheet = self._sheets[rng.integers(len(self._sheets))]
        spare = len(sheet) - size
        if spare < 0:
            sheet, spare = cv2.copyMakeBorder(sheet, 0, -spare, 0, -spare, cv2.BORDER_REFLECT_101), 0
        y, x = rng.integers(spare + 1, size=2)
        piece = sheet[y : y + size, x : x + size, rng.permutation(3)]
        return piece[:: 1 if chance(rng, 0.5) else -1, :: 1 if chance(rng, 0.5) else -1]


def roughen(rng: np.random.Generator, image: Image, strength: float) -> Image:
    """The image with its brightness modulated by noise at a coarse and a fine scale; uint8 RGB of the same shape."""
    height, width = image.shape[:2]
    grain = value_noise(rng, height, width, pick(rng, 3, 40), 4)
    gain = np.clip((1 + strength * (2 * grain - 1)) * 128, 0, 255).astype(np.uint8)
    result: Image = cv2.multiply(image, cv2.cvtColor(gain, cv2.COLOR_GRAY2RGB), scale=1 / 128)
    return result


def palette(rng: np.random.Generator) -> Series:
    """Two to five colours that go together, float RGB 0..255 [n, 3]: of one hue, or of two."""
    count = int(rng.integers(2, 6))
    vivid = chance(rng, 0.5)
    hue = rng.uniform(0, 180) + rng.normal(0, 12, count) + 90 * (rng.random(count) < 0.25)
    saturation = rng.uniform(90, 255, count) if vivid else rng.uniform(0, 110, count)
    value = np.clip(pick(rng, 60, 220) + rng.normal(0, 55, count), 15, 250)
    hsv = np.stack([hue % 180, saturation, value], -1).astype(np.uint8)
    rgb: Series = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0].astype(np.float64)
    return rgb


def _ramp(rng: np.random.Generator, colours: Series) -> Image:
    """256 colours, uint8 [256, 3]: the palette as a smooth ramp, or as bands with soft edges."""
    count = len(colours)
    place = np.linspace(0, count - 1, 256)
    if chance(rng, 0.5):
        step = np.clip((place % 1 - 0.5) * 8 + 0.5, 0, 1)
        place = np.floor(place) + step
    channels = [np.interp(place, np.arange(count), colours[:, c]) for c in range(3)]
    return np.stack(channels, -1).astype(np.uint8)


def _coordinates(rng: np.random.Generator, height: int, width: int, bend: float) -> tuple[Field, Field]:
    """Turned and bent coordinates, each float32 [height, width], one unit per longer side."""
    side = max(height, width)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32(side)
    angle = pick(rng, 0, np.pi)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u, v = x * cos + y * sin, y * cos - x * sin
    if bend > 0:
        warp = value_noise(rng, height, width, side / pick(rng, 1.5, 4), 2) - 0.5
        u, v = u + np.float32(bend) * warp, v - np.float32(bend) * warp
    return u, v


def _bend(rng: np.random.Generator) -> float:
    return pick(rng, 0.05, 0.4) if chance(rng, 0.5) else 0.0


def _wave(x: Field) -> Field:
    """Triangle wave of period 1, 0..1."""
    wave: Field = np.abs(2 * (x - np.floor(x)) - 1)
    return wave


def _soft(x: Field, threshold: float, steepness: float) -> Field:
    """0 below the threshold, 1 above it, with a ramp of the given steepness between."""
    stepped: Field = np.clip((x - np.float32(threshold)) * np.float32(steepness) + np.float32(0.5), 0, 1)
    return stepped


def _clouds(rng: np.random.Generator, height: int, width: int) -> Field:
    return value_noise(rng, height, width, max(height, width) / pick(rng, 1.5, 8), 5)


def _marble(rng: np.random.Generator, height: int, width: int) -> Field:
    u, _ = _coordinates(rng, height, width, pick(rng, 0.4, 1.0))
    return _wave(u * np.float32(pick(rng, 3, 8)))


def _stripes(rng: np.random.Generator, height: int, width: int) -> Field:
    u, _ = _coordinates(rng, height, width, _bend(rng))
    return _soft(_wave(u * np.float32(pick(rng, 3, 14))), pick(rng, 0.3, 0.7), pick(rng, 2, 8))


def _checks(rng: np.random.Generator, height: int, width: int) -> Field:
    u, v = _coordinates(rng, height, width, _bend(rng))
    scale, ratio = pick(rng, 3, 10), pick(rng, 0.6, 1.6)
    cells = np.floor(u * np.float32(scale)) + np.floor(v * np.float32(scale * ratio))
    level: Field = np.float32(0.8) * (cells % 2) + np.float32(0.2) * _wave(u * np.float32(scale))
    return level


def _plaid(rng: np.random.Generator, height: int, width: int) -> Field:
    u, v = _coordinates(rng, height, width, 0.0)
    first, second = _wave(u * np.float32(pick(rng, 2, 9))), _wave(v * np.float32(pick(rng, 2, 9)))
    return np.where(first > 0.6, 0.5, 0.0).astype(np.float32) + np.where(second > 0.6, 0.5, 0.0).astype(np.float32)


def _dots(rng: np.random.Generator, height: int, width: int) -> Field:
    u, v = _coordinates(rng, height, width, _bend(rng) / 2)
    scale = np.float32(pick(rng, 4, 12))
    distance = np.hypot(_wave(u * scale), _wave(v * scale))
    return _soft(distance, pick(rng, 0.4, 0.9), 6)


def _rings(rng: np.random.Generator, height: int, width: int) -> Field:
    u, v = _coordinates(rng, height, width, pick(rng, 0.1, 0.4))
    distance = np.hypot(u - pick(rng, -0.3, 0.8), v - pick(rng, -0.3, 0.8)).astype(np.float32)
    return _wave(distance * np.float32(pick(rng, 4, 14)))


def _bricks(rng: np.random.Generator, height: int, width: int) -> Field:
    u, v = _coordinates(rng, height, width, 0.0)
    rows = v * np.float32(pick(rng, 5, 14))
    row = np.floor(rows)
    columns = u * np.float32(pick(rng, 3, 8)) + 0.5 * (row % 2)
    tone = np.float32(12.9898) * row + np.float32(78.233) * np.floor(columns)
    joint = (rows - row < 0.14) | (columns - np.floor(columns) < 0.08)
    return np.where(joint, np.float32(0), np.float32(0.35) + np.float32(0.65) * (tone * np.float32(0.37) % 1))


def _spots(rng: np.random.Generator, height: int, width: int) -> Field:
    noise = value_noise(rng, height, width, max(height, width) / pick(rng, 4, 14), 2)
    return _soft(noise, pick(rng, 0.4, 0.6), pick(rng, 5, 20))


def _mosaic(rng: np.random.Generator, height: int, width: int) -> Field:
    seeds = np.full((height, width), 255, np.uint8)
    count = int(rng.integers(8, 60))
    seeds[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
    distance, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    tones: Field = rng.random(int(labels.max()) + 1, dtype=np.float32)[labels]
    level: Field = np.maximum(tones - distance * np.float32(pick(rng, 0, 1.5) / max(height, width)), np.float32(0))
    return level


def _streaks(rng: np.random.Generator, height: int, width: int) -> Field:
    long, short = (height, max(width // 12, 2)) if chance(rng, 0.5) else (max(height // 12, 2), width)
    grid: Field = cv2.resize(value_noise(rng, long, short, pick(rng, 2, 6), 3), (width, height))
    return grid


PATTERNS: tuple[Pattern, ...] = (
    _clouds,
    _clouds,
    _marble,
    _stripes,
    _checks,
    _plaid,
    _dots,
    _rings,
    _bricks,
    _spots,
    _spots,
    _mosaic,
    _streaks,
)
