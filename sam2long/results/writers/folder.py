"""The output folder: files appear in it only when complete, and an aborted run leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sam2long.errors import OutputError
from sam2long.results.writers.annotation.json_stream import dumps
from sam2long.results.writers.lock import LOCK_NAME, FolderLock

SUMMARY = "summary.json"
SPOOL = "spool.sqlite"
STAGING_NAME = ".sam2long-unfinished"


class OutputFolder:
    """A staging folder inside `path`; `publish` moves its content into place, `discard` removes it.

    Attributes:
        path: final folder of the results.
        staging: folder in which they are written.
    """

    def __init__(
        self, path: Path, names: Sequence[str], *, overwrite: bool, continues: Mapping[str, object] | None
    ) -> None:
        """Lock the folder, clean up after a killed run, and check that `names` may be written.

        Args:
            path: output folder, created if it does not exist.
            names: names of the files and folders that will be written.
            overwrite: replace existing entries with these names.
            continues: settings of the run being resumed, whose results may be replaced, or None.

        Raises:
            OutputError: another run writes to the folder, it is not empty, or it cannot be written. It is unchanged.
        """
        self.path = path
        self.staging = path / STAGING_NAME
        self._created: list[Path] = []
        self._lock = FolderLock(path)
        try:
            self._create()
            self._lock.take()
            self._settle_killed()
            if not (overwrite or (continues is not None and summary_of(path, continues) is not None)):
                _check_empty(path)
            if not (path / SUMMARY).exists():
                _check_nothing_lost(path, names)
            self.staging.mkdir()
        except OSError as error:
            self._undo()
            raise OutputError(f"the output folder {path} cannot be written: {error.strerror}") from error
        except OutputError:
            self._undo()
            raise

    def publish(self) -> None:
        """Move the results into place, replacing entries of the same name only; raises OSError."""
        self._move()
        self._lock.release()

    def keep(self) -> bool:
        """Leave results that are whole in the staging folder, from where the next run moves them; False without any."""
        if not _whole(self.staging):
            return False
        self._lock.release()
        return True

    def discard(self) -> None:
        """Remove the staging folder and the folders created for it, if empty; never raises."""
        shutil.rmtree(self.staging, ignore_errors=True)
        self._undo()

    def _move(self) -> None:
        # the summary moves last: while it is in the staging folder, publishing is not finished
        for entry in sorted(self.staging.iterdir(), key=lambda entry: entry.name == SUMMARY):
            target = self.path / entry.name
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            elif entry.is_dir():  # which replaces neither a file nor a link
                target.unlink(missing_ok=True)
            entry.replace(target)
        self.staging.rmdir()

    def _settle_killed(self) -> None:
        """Clean up a staging folder left by a killed run; only the holder of the lock may use it."""
        if not self.staging.exists():
            return
        if _whole(self.staging):
            self._move()  # killed while publishing complete results
        else:
            shutil.rmtree(self.staging)

    def _create(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"the output folder {self.path} is a file; choose another name")
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            self._created.insert(0, folder)

    def _undo(self) -> None:
        self._lock.release()
        with contextlib.suppress(OSError):
            for folder in self._created:
                folder.rmdir()


def _whole(staging: Path) -> bool:
    """Whether results only have to be moved to their place."""
    return (staging / SUMMARY).exists() and not (staging / SPOOL).exists()


def _check_nothing_lost(path: Path, names: Sequence[str]) -> None:
    """Protect the user's data: without a summary, a folder called `masks` is not an earlier result."""
    for name in names:
        if (path / name).is_dir():
            raise OutputError(f"{path / name} is not a result of an earlier run; choose another output folder")


def _check_empty(path: Path) -> None:
    if any(entry.name != LOCK_NAME for entry in path.iterdir()):
        raise OutputError(f"the output folder {path} is not empty; choose another one, or pass --overwrite")


def summary_of(path: Path, settings: Mapping[str, object]) -> dict[str, Any] | None:
    """Return the summary in an output folder if it has these settings, else None."""
    try:
        summary = json.loads((path / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = isinstance(summary, dict) and summary.get("settings") == json.loads(dumps(dict(settings)))
    return summary if same else None
