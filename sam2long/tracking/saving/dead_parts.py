"""What processes that were killed while saving have left."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def clear_dead_parts(path: Path) -> None:
    """Remove the temporary files of processes that were killed while saving."""
    if os.name != "posix":  # elsewhere os.kill may end the process instead of only looking for it
        return
    start, parts = f".{path.name}.", list[Path]()
    with suppress(OSError):  # whoever writes there tells what is wrong
        # Not by a pattern: a new one for each file would fill caches that a worker with many videos keeps.
        parts += (one for one in path.parent.iterdir() if one.name.startswith(start) and one.name.endswith(".part"))
    for part in parts:
        number = part.name[len(start) :].split("-")[0]
        with suppress(OSError, ValueError):
            try:
                os.kill(int(number), 0)
            except ProcessLookupError:
                part.unlink(missing_ok=True)
