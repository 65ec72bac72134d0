"""Where the results of a session lie while it lives."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from sam2long import Session
from sam2long.errors import OutputError
from sam2long.model import SAM2
from sam2long.tracking.storage import store
from sam2long.tracking.storage.store import ResultStore


def test_results_lie_in_the_folder_that_was_named_and_go_with_the_store(tmp_path: Path) -> None:
    kept = ResultStore(tmp_path / "new" / "results")
    (folder,) = (tmp_path / "new" / "results").iterdir()
    assert (folder / "results.sqlite").is_file()
    kept.close()
    assert list((tmp_path / "new" / "results").iterdir()) == []


def test_by_default_they_lie_in_the_system_s_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = ResultStore()
    assert len(list(tmp_path.iterdir())) == 1
    kept.close()


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"cannot store results in .*file: ") as error:
        ResultStore(tmp_path / "file")
    assert "\n" not in str(error.value)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(OutputError, match="cannot store results in the folder for temporary files"):
        ResultStore()


def test_a_database_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Full(sqlite3.Connection):
        def executescript(self, script: str) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("database or disk is full")

        def close(self) -> None:
            closed.append(len(list(tmp_path.rglob("results.sqlite"))))
            super().close()

    connect = sqlite3.connect
    monkeypatch.setattr(store.sqlite3, "connect", lambda path, **how: connect(path, factory=Full, **how))
    with pytest.raises(OutputError, match="disk is full"):
        ResultStore(tmp_path)
    assert closed == [1] and list(tmp_path.iterdir()) == []


def test_a_session_takes_the_folder_and_so_does_one_that_is_opened(small_model: SAM2, tmp_path: Path) -> None:
    clip = np.random.default_rng(0).integers(0, 255, (4, 48, 64, 3), np.uint8)
    folder = tmp_path / "results"
    with Session(small_model, clip, results_folder=folder) as session:
        session.add_points(0, 1, [(20, 20)])
        list(session.propagate(end=2))
        assert len(list(folder.iterdir())) == 1
        session.save(tmp_path / "run.s2l")
    assert list(folder.iterdir()) == []
    with Session.open(tmp_path / "run.s2l", small_model, clip, results_folder=folder) as session:
        assert len(list(folder.iterdir())) == 1 and session.result(1) is not None
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot store results in"):
        Session(small_model, clip, results_folder=tmp_path / "file")
