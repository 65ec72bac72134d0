"""Seeded randomness: independent streams, smooth series in time, smooth fields in space."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

DATA_VERSION = 1
"""Raised whenever the same seed would give other videos; part of every random stream."""

Image = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]
Series = npt.NDArray[np.float64]


def stream(seed: int, *keys: int) -> np.random.Generator:
    """A random stream of its own for every (seed, keys); seed and keys >= 0."""
    return np.random.default_rng([DATA_VERSION, seed, *keys])


def smooth_series(rng: np.random.Generator, frames: int, period: float, channels: int = 1) -> Series:
    """Smooth noise over time, float64 [frames, channels], about unit variance, changing over `period` frames.

    A uniform cubic B-spline through normal control points: its second derivative is continuous, so motion has no kinks.
    """
    knots = rng.standard_normal((int(frames / period) + 5, channels))
    position = np.arange(frames) / period + rng.random()
    index = position.astype(np.int64)
    u = (position - index)[:, None]
    weights = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
    series = np.zeros((frames, channels))
    for k, weight in enumerate(weights):
        series += weight * knots[index + k]
    return series * (1.45 / 6)


def value_noise(rng: np.random.Generator, height: int, width: int, cell: float, octaves: int = 3) -> Field:
    """Fractal noise in space, float32 [height, width] stretched to 0..1; `cell` is the coarsest scale in pixels."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        size = max(cell / 2**octave, 1.0)
        grid = rng.random((int(height / size) + 2, int(width / size) + 2), dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.55**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / (high - low + 1e-6)


def pick(rng: np.random.Generator, low: float, high: float) -> float:
    """A number drawn uniformly from low..high."""
    return float(rng.uniform(low, high))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)
