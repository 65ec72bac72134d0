"""`sam2long score`: figures, files and complaints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.evaluation.folders import ids, save_video

from .conftest import Command

SQUARE = ids((1, 10, 10, 20, 20))
HALF = ids((1, 10, 10, 20, 15))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for video in "ab":
        save_video(tmp_path / "gt", video, {f"{n:05d}": SQUARE for n in range(5)})
    save_video(tmp_path / "pred", "a", {f"{n:05d}": SQUARE for n in range(5)})
    save_video(tmp_path / "pred", "b", {f"{n:05d}": HALF for n in range(5)})
    return tmp_path / "pred", tmp_path / "gt"


def test_it_prints_the_figures_and_writes_them_unrounded(
    sam2long: Command, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    ended = sam2long("score", *folders, "--csv", tmp_path / "o.csv", "--json", tmp_path / "o.json")
    assert ended.status == 0
    assert "75.0" in ended.out and "2 objects" in ended.out
    assert json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))["figures"]["J"] == 75
    rows = (tmp_path / "o.csv").read_text(encoding="utf-8").splitlines()
    assert rows[2].startswith("b,1,") and ",50.000000," in rows[2]


def test_the_folders_of_one_video_can_be_given_directly(sam2long: Command, folders: tuple[Path, Path]) -> None:
    ended = sam2long("score", folders[0] / "b", folders[1] / "b", "--rule", "davis")
    assert ended.status == 0 and "50.0" in ended.out


def test_missing_predictions_are_named_and_only_counted_as_empty_on_request(
    sam2long: Command, folders: tuple[Path, Path]
) -> None:
    (folders[0] / "a" / "00002.png").unlink()
    ended = sam2long("score", *folders)
    assert ended.status == 2 and "00002.png" in ended.err and ended.err.count("\n") == 1
    ended = sam2long("score", *folders, "--allow-missing")
    assert ended.status == 0 and "1 missing prediction counted" in ended.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nowhere", "GT"), "no folder of predictions"),
        (("PRED", "nowhere"), "nowhere"),
        (("PRED", "PRED/a"), "expected one PNG per frame"),
    ],
)
def test_wrong_folders_are_one_line(
    sam2long: Command, folders: tuple[Path, Path], words: tuple[str, str], complaint: str
) -> None:
    named = {"PRED": folders[0], "GT": folders[1], "PRED/a": folders[0] / "a"}
    ended = sam2long("score", *(named.get(word, word) for word in words))
    assert ended.status == 2 and complaint in ended.err and ended.err.count("\n") == 1
