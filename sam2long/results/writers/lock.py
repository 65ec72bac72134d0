"""A lock on the output folder, so that two runs never write to it at the same time."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

from filelock import FileLock, Timeout

from sam2long.errors import OutputError

LOCK_NAME = ".sam2long-lock"
# errors of file systems without locks
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class FolderLock:
    """Lock held by one process at a time; the operating system frees it when that process ends for any reason.

    The lock file is hidden and removed by `release`; one left behind by a dead process is harmless. On file systems
    without locks there is no protection.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / LOCK_NAME
        # not thread-local: a run may be finished by another thread than the one that started it
        self._lock = FileLock(self._path, thread_local=False)
        self._taken = False

    def take(self) -> None:
        """Take the lock; raises OutputError if another run holds it, OSError if the folder cannot be written."""
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise self._busy() from None
        except NotImplementedError:  # raised by some versions of filelock for ENOSYS
            pass
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        else:
            if not self._path.exists():  # a run that ended just now has removed the file we locked
                self._lock.release()
                raise self._busy()
        self._taken = True

    def release(self) -> None:
        """Release the lock; never raises."""
        if not self._taken:
            return
        self._taken = False
        with contextlib.suppress(OSError):
            self._path.unlink()
        with contextlib.suppress(OSError):
            self._lock.release()

    def _busy(self) -> OutputError:
        return OutputError(
            f"another run is writing to the output folder {self._folder}; wait until it ends, or choose another folder"
        )
