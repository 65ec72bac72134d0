"""The size of a pixel in the world, such as 0.325um."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from sam2long.errors import ConfigError

UNITS = ("nm", "um", "mm", "cm", "m", "km", "in", "ft", "deg", "arcsec")
_SCALE = re.compile(r"\s*((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*([^\W\d_]+)\s*")
_MICRO = str.maketrans("\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}", "uu")


@dataclass(frozen=True)
class Scale:
    """Size of a pixel.

    Attributes:
        size: height of a pixel in units, which is also its width, unless the video says that pixels are not square.
        unit: one of `UNITS`.

    Raises:
        ConfigError: the size is not a positive number, or the unit is unknown.
    """

    size: float
    unit: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.size) and self.size > 0):
            raise ConfigError(f"the scale is {self.size} {self.unit} per pixel; it must be more than 0")
        if self.unit not in UNITS:
            raise ConfigError(f"unknown unit {self.unit!r} of the scale; known: {', '.join(UNITS)}")

    @classmethod
    def parse(cls, text: str) -> Scale:
        """Read the size of a pixel and its unit, as in "0.325um"; raises ConfigError."""
        found = _SCALE.fullmatch(text.translate(_MICRO))
        if found is None:
            raise ConfigError(f"--scale {text}: expected the size of a pixel and its unit, such as 0.325um")
        return cls(float(found[1]), found[2])
