"""A lock on the output folder, so that two runs never write into it at the same time."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

from filelock import FileLock, Timeout

from sam2long.errors import OutputError

LOCK_NAME = ".sam2long-lock"
# what file systems that know no locks answer
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class FolderLock:
    """Held by one process at a time. The operating system frees it when that process dies, however it dies.

    The lock file is hidden and is removed by `release`; one left behind by a dead process does no harm. On file systems
    without locks there is no protection.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / LOCK_NAME
        # not bound to a thread: a run may be finished by another one than has begun it
        self._lock = FileLock(self._path, thread_local=False)
        self._taken = False

    def take(self) -> None:
        """Raises OutputError if another run holds the lock, OSError if the folder cannot be written."""
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise self._busy() from None
        except NotImplementedError:  # filelock's word for ENOSYS in some versions
            pass
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        else:
            if not self._path.exists():  # the run that ended just now has removed what we locked
                self._lock.release()
                raise self._busy()
        self._taken = True

    def release(self) -> None:
        """Let other runs in; never raises."""
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
