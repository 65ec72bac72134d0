"""A folder for temporary files; what a killed process leaves of its own is deleted by the next one."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "sam2long-"
_LOCK = "in-use"
_OLD_ENOUGH = 60.0
"""Seconds that a folder must have existed before it can count as left behind: its owner locks it just after."""


class ScratchFolder:
    """A temporary folder inside `parent`, or inside the system's folder for temporary files; deleted by `close`.

    Its owner holds a lock in it, which the operating system frees when the process ends for any reason. So each new
    folder deletes the ones beside it that nobody holds any longer.

    Raises:
        OSError: the folder cannot be created.
    """

    def __init__(self, parent: Path | None = None) -> None:
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        self._lock = FileLock(self.path / _LOCK, thread_local=False)
        with suppress(OSError, NotImplementedError):  # some file systems have no locks
            self._lock.acquire(blocking=False)
        for other in self.path.parent.glob(f"{_PREFIX}*"):
            if other != self.path:
                _delete_if_left_behind(other)

    def close(self) -> None:
        """Delete the folder; never raises."""
        with suppress(OSError):
            self._lock.release()
        self._folder.cleanup()


def _delete_if_left_behind(folder: Path) -> None:
    lock = folder / _LOCK
    with suppress(OSError, NotImplementedError, Timeout):
        if folder.is_symlink() or time.time() - folder.stat().st_mtime < _OLD_ENOUGH or not lock.is_file():
            return
        with FileLock(lock).acquire(blocking=False):
            shutil.rmtree(folder, ignore_errors=True)
