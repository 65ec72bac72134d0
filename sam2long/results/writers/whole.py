"""Files that are written as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Delete the file if writing it fails: folders keep the files that were written before a failure."""
    try:
        yield path
    except BaseException:
        path.unlink(missing_ok=True)
        raise
