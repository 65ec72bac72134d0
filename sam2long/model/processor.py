"""What the processor can do."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path


@cache
def processor_flags() -> frozenset[str]:
    """Names of the processor's features as Linux lists them; none on other systems."""
    file = Path("/proc/cpuinfo")
    if sys.platform != "linux" or not file.exists():
        return frozenset()
    lines = file.read_text(encoding="utf-8").splitlines()
    return frozenset(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), []))
