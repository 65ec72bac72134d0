"""Folders for temporary files: what a killed process leaves is deleted by the next one, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sam2long.tracking.storage.store import ResultStore

_HOLD = """
import sys
from sam2long.tracking.storage.store import ResultStore
store = ResultStore(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process with an open store; and the store's folder, made to look an hour old."""
    command = [sys.executable, "-c", _HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        (scratch,) = folder.glob("sam2long-*")
        os.utime(scratch, (0, 0))
        try:
            yield process, scratch
        finally:
            process.kill()


def test_what_a_killed_process_left_is_deleted_but_not_what_a_living_one_uses(tmp_path: Path) -> None:
    with holder(tmp_path) as (process, scratch):
        ResultStore(tmp_path).close()
        assert (scratch / "results.sqlite").exists()
        process.kill()
        process.wait()
        assert scratch.exists()
        ResultStore(tmp_path).close()
        assert list(tmp_path.iterdir()) == []


def test_folders_of_others_stay(tmp_path: Path) -> None:
    work, elsewhere = tmp_path / "sam2long-work", tmp_path / "elsewhere"
    for folder in (work, elsewhere):
        folder.mkdir()
    (work / "thesis.tex").touch()
    (elsewhere / "in-use").touch()
    (tmp_path / "sam2long-link").symlink_to(elsewhere)
    for folder in (work, elsewhere):
        os.utime(folder, (0, 0))
    ResultStore(tmp_path).close()
    assert (work / "thesis.tex").exists() and (elsewhere / "in-use").exists()


def test_a_folder_that_is_just_being_made_stays(tmp_path: Path) -> None:
    new = tmp_path / "sam2long-new"
    new.mkdir()
    (new / "in-use").touch()
    ResultStore(tmp_path).close()
    assert new.exists()


def test_without_locks_a_store_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    ResultStore(tmp_path).close()
    assert list(tmp_path.iterdir()) == []
