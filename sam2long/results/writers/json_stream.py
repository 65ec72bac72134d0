"""JSON documents written piece by piece, so that they never are in memory as a whole."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import TextIO


def write_list(file: TextIO, items: Iterable[object], *, separator: str = ",") -> None:
    """Write items as one JSON list; `separator` is a comma with white space behind it, if any."""
    file.write("[")
    for position, item in enumerate(items):
        file.write(separator if position else separator.lstrip(","))
        file.write(dumps(item))
    file.write("]")


def dumps(item: object) -> str:
    """Return compact JSON; raises ValueError for numbers that JSON does not have (see `number`)."""
    return json.dumps(item, separators=(",", ":"), allow_nan=False)


def number(value: float) -> float | None:
    """Six digits are plenty; None for infinities and NaN, which JSON does not have."""
    return round(value, 6) if math.isfinite(value) else None
