"""Black and white levels of pictures with more than 8 bits, which often use only part of their range."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sam2long.errors import ConfigError

# fraction of the extreme values treated as sensor defects
DEFECTS = 1e-4
MOST_SAMPLED = 1 << 20


@dataclass(frozen=True)
class Levels:
    """Values of a source that become black and white; values in between are scaled linearly.

    Attributes:
        low: value that becomes 0.
        high: value that becomes 255.
    """

    low: float
    high: float

    def to_bytes(self, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Convert an array of any shape to uint8; NaN becomes black."""
        if values.dtype in (np.uint8, np.uint16):
            looked_up: npt.NDArray[np.uint8] = self._table[values]
            return looked_up
        whole = np.issubdtype(values.dtype, np.integer)
        return _to_bytes(values, self.low, self.high - self.low + whole)

    def in_16_bits(self, bits: int) -> Levels:
        """Return the levels for values of `bits` bits that were scaled to 16 bits."""
        unit = 2.0 ** (16 - bits)
        return Levels(self.low * unit, (self.high + 1) * unit - 1)

    @cached_property
    def _table(self) -> npt.NDArray[np.uint8]:
        return _to_bytes(np.arange(1 << 16), self.low, self.high - self.low + 1)


def checked_levels(levels: tuple[float, float] | None) -> Levels | None:
    """Check the levels given by the user; raises ConfigError unless they are two finite, ascending numbers."""
    if levels is None:
        return None
    try:
        low, high = (float(value) for value in levels)
    except (TypeError, ValueError):
        raise ConfigError(f"levels must be two numbers, the values of black and white, not {levels}") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigError(f"levels must be two finite numbers with black below white, not {levels}")
    return Levels(low, high)


def levels_of(samples: Iterable[npt.NDArray[Any]], white: float | None) -> Levels | None:
    """Choose levels for the pictures of one source by content.

    Returns None, to keep the full range of the source, if the brightest value reaches a quarter of it. Otherwise, white
    is the largest integer with as many bits as the brightest value; for floating-point values it is 1 or, if that does
    not fit, the brightest value. Black is 0, or the lowest value if negative.

    Args:
        samples: pictures of the source, integers or floating-point numbers.
        white: white level of the source; None if it has none (32-bit integers, floating-point numbers).
    """
    pictures = list(samples)
    lows, highs = zip(*map(_extent, pictures))
    low, high = min(lows), max(highs)
    if white is not None and (high >= white / 4 or high <= 0):
        return None
    if low < 0:
        return Levels(low, high if high > low else low + 1)
    if pictures[0].dtype.kind in "iu":
        return Levels(0, max(1, (1 << int(high).bit_length()) - 1))
    return Levels(0, 1 if 0.25 <= high <= 1 or high <= 0 else high)


def describe(levels: Levels, name: str) -> str:
    """Return a message that explains how the pictures of a source are scaled."""
    return (
        f"{name}: values are scaled by content so that {levels.low:.7g} is black and {levels.high:.7g} is white; to"
        " choose, set levels=(low, high) or --levels LOW,HIGH"
    )


def _to_bytes(values: npt.NDArray[Any], low: float, span: float) -> npt.NDArray[np.uint8]:
    scaled = (values.astype(np.float64) - low) * (256 / span)
    return np.nan_to_num(scaled, nan=0, posinf=255, neginf=0).clip(0, 255).astype(np.uint8)


def _extent(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Lowest and highest finite value, ignoring defects; (0, 0) if there is none."""
    step = max(1, math.isqrt(values.shape[0] * values.shape[1] // MOST_SAMPLED))
    some = values[::step, ::step].ravel()
    some = some[np.isfinite(some)]
    if some.size == 0:
        return 0.0, 0.0
    left_out = int(some.size * DEFECTS)
    ordered = np.partition(some, (left_out, some.size - 1 - left_out))
    return float(ordered[left_out]), float(ordered[-1 - left_out])
