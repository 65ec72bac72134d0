"""The folder results go into: nothing appears in it before it is whole, and nothing is left of what is given up."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from sam2long.errors import OutputError

SUMMARY = "summary.json"
STAGING_NAME = ".sam2long-unfinished"


class OutputFolder:
    """A staging folder inside `path`; `publish` moves what is in it to its place, `discard` removes every trace.

    Attributes:
        path: where results end up.
        staging: where they are written.
    """

    def __init__(self, path: Path, names: Sequence[str], *, overwrite: bool) -> None:
        """Make the folder ready for entries called `names`; raises OutputError."""
        self.path = path
        self.staging = path / STAGING_NAME
        self._created: list[Path] = []
        _check_free(path, overwrite)
        if not (path / SUMMARY).exists():
            _check_nothing_lost(path, names)
        try:
            self._create()
        except OSError as error:
            self.discard()
            raise OutputError(f"the output folder {path} cannot be written: {error.strerror}") from error

    def publish(self) -> None:
        """Replace files and folders of the same name, leave everything else alone; raises OSError."""
        for entry in sorted(self.staging.iterdir()):
            target = self.path / entry.name
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            entry.replace(target)
        self.staging.rmdir()

    def discard(self) -> None:
        """Remove the staging folder, and the folders that were made for it as far as they are empty; never raises."""
        shutil.rmtree(self.staging, ignore_errors=True)
        with contextlib.suppress(OSError):
            for folder in self._created:
                folder.rmdir()

    def _create(self) -> None:
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir()
            self._created.insert(0, folder)
        if self.staging.exists():  # left by a run that was killed
            shutil.rmtree(self.staging)
        self.staging.mkdir()


def _check_nothing_lost(path: Path, names: Sequence[str]) -> None:
    """Without a summary, a folder called `masks` is not an earlier result: it may be all the user has."""
    for name in names:
        if (path / name).is_dir():
            raise OutputError(f"{path / name} is not a result of an earlier run; choose another output folder")


def _check_free(path: Path, overwrite: bool) -> None:
    try:
        if path.exists() and not path.is_dir():
            raise OutputError(f"the output folder {path} is a file; choose another name")
        if not overwrite and path.is_dir() and any(path.iterdir()):
            raise OutputError(f"the output folder {path} is not empty; choose another one, or pass --overwrite")
    except OSError as error:
        raise OutputError(f"the output folder {path} cannot be read: {error.strerror}") from error
