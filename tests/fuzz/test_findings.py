"""What fuzzing has found, each by itself: one line and status 2, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sam2long.errors import VideoError
from sam2long.video import open_video
from tests.cli.conftest import Command, clip, sam2long, same_ctrl_c, tiny_model  # noqa: F401
from tests.fuzz.corpus import Corpus
from tests.fuzz.mutate import rewrite

BOX = ("--box", "4,16,20,32")


@pytest.fixture
def refused(
    sam2long: Command,  # noqa: F811
    clip: Path,  # noqa: F811
    tiny_model: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., str]:
    """Runs `track` in `tmp_path`, where it must be refused and leave everything as it is; what it says."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> str:
        before = sorted(tmp_path.rglob("*"))
        ended = sam2long("track", clip, "--model", tiny_model, "--save", "png", *words)
        assert ended.status == 2 and ended.err.startswith("error: ") and ended.err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return ended.err

    return run


@pytest.mark.parametrize("key", ["object", "frame"])
def test_numbers_that_no_database_holds(refused: Callable[..., str], tmp_path: Path, key: str) -> None:
    entry = {"frame": 0, "object": 1, "box": [4, 16, 20, 32]} | {key: 2**63}
    (tmp_path / "prompts.json").write_text(json.dumps({"prompts": [entry]}), encoding="utf-8")
    assert "more than 9 digits" in refused("--prompts", "prompts.json", "--out", "out")


@pytest.mark.parametrize("name", ["x" * 300, "ü" * 300, "x" * 5000])
def test_names_that_no_file_can_have(refused: Callable[..., str], name: str) -> None:
    assert "cannot be written" in refused(*BOX, "--out", name)


@pytest.mark.parametrize(
    "objects", [None, 3, [{}], [{"id": 1, "prompts": [{"frame": "x"}]}], [{"id": [], "prompts": [{"frame": 1}]}]]
)
def test_sessions_without_sound_objects(
    refused: Callable[..., str], corpus: Corpus, tmp_path: Path, objects: object
) -> None:
    rewrite(corpus.sessions[0], tmp_path / "run.s2l", "session.json", lambda data: {**data, "objects": objects})
    assert "is damaged" in refused(*BOX, "--session", "run.s2l", "--out", "out")


@pytest.mark.parametrize("end", range(1, 48))
def test_a_matroska_file_cut_off_in_its_first_bytes(corpus: Corpus, tmp_path: Path, end: int) -> None:
    path = tmp_path / "clip.mkv"
    path.write_bytes(corpus.videos["mkv"].read_bytes()[:end])
    with pytest.raises(VideoError, match=r"clip.mkv"):
        open_video(path)


def test_more_pathways_than_memory_holds(refused: Callable[..., str]) -> None:
    assert "it must be 100 or less" in refused(*BOX, "--pathways", "2147483647", "--out", "out")
