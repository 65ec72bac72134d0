"""Writes JSON documents piece by piece, so that they never have to fit in memory."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import TextIO


def write_list(file: TextIO, items: Iterable[object], *, separator: str = ",") -> None:
    """Write items as one JSON list; `separator` is a comma, optionally followed by white space."""
    file.write("[")
    for position, item in enumerate(items):
        file.write(separator if position else separator.lstrip(","))
        file.write(dumps(item))
    file.write("]")


def dumps(item: object) -> str:
    """Return compact JSON; raises ValueError for infinities and NaN (see `number`)."""
    return json.dumps(item, separators=(",", ":"), allow_nan=False)


def number(value: float) -> float | None:
    """Round to six decimals; None for infinities and NaN, which JSON lacks."""
    return round(value, 6) if math.isfinite(value) else None
