"""`sam2long track --session`: a run that is saved as it goes, continued, and corrected."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import CLIP_FRAMES, Command
from .dying import contents, dies


def masks(out: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted((out / "masks").iterdir())])


def test_a_run_in_two_parts_is_one_run(sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path) -> None:
    common = ("--model", tiny_model, "--save", "png")
    sam2long("track", clip, "--box", "4,16,20,32", "--out", tmp_path / "whole", *common)
    file = tmp_path / "run.s2l"
    first = sam2long(
        "track", clip, "--box", "4,16,20,32", "--out", tmp_path / "a", "--end", "5", "--session", file, *common
    )
    assert first.status == 0 and file.exists()
    second = sam2long("track", clip, "--out", tmp_path / "b", "--session", file, *common)
    assert second.status == 0
    np.testing.assert_array_equal(masks(tmp_path / "b"), masks(tmp_path / "whole"))


def test_a_prompt_added_later_is_a_correction(sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path) -> None:
    common = ("track", clip, "--model", tiny_model, "--save", "png", "--session", tmp_path / "run.s2l")
    sam2long(*common, "--box", "4,16,20,32#1", "--point", "50,30#2", "--out", tmp_path / "a")
    ended = sam2long(*common, "--point", "40,20@6#1", "--out", tmp_path / "b")
    assert ended.status == 0 and "2 objects" in ended.out
    before, after = masks(tmp_path / "a"), masks(tmp_path / "b")
    np.testing.assert_array_equal(before[:6], after[:6])
    first, second = ((tmp_path / out / "trace.csv").read_text(encoding="utf-8").splitlines() for out in "ab")
    assert len(first) == len(second) == 1 + 2 * CLIP_FRAMES
    changed = [line.split(",") for line, was in zip(second[1:], first[1:], strict=True) if line != was]
    assert {(int(frame), number) for frame, _, number, *_ in changed} == {
        (frame, "1") for frame in range(6, CLIP_FRAMES)
    }
    reviewed = sam2long("review", tmp_path / "run.s2l", "--json")
    assert reviewed.status == 0
    by_trace = json.loads(sam2long("review", tmp_path / "b", "--json").out)
    assert [item["frame"] for item in json.loads(reviewed.out)] == [item["frame"] for item in by_trace] != []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--pathways", "2"), "was saved with other memory-tree settings"),
        (("--point", "900,3"), "outside"),
        (("--box", "4,16,21,32"), "already has a prompt"),
    ],
)
def test_what_does_not_fit_a_saved_run(
    sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    common = ("track", clip, "--model", tiny_model, "--save", "png", "--session", tmp_path / "run.s2l")
    sam2long(*common, "--box", "4,16,20,32", "--out", tmp_path / "a")
    saved = (tmp_path / "run.s2l").read_bytes()
    ended = sam2long(*common, *words, "--out", tmp_path / "b")
    assert ended.status == 2 and message in ended.err
    assert not (tmp_path / "b").exists()
    assert (tmp_path / "run.s2l").read_bytes() == saved


def test_files_that_are_no_session(sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "run.s2l").write_text("hello", encoding="utf-8")
    common = ("track", clip, "--model", tiny_model, "--box", "4,16,20,32", "--out", tmp_path / "b", "--session")
    ended = sam2long(*common, tmp_path / "run.s2l")
    assert ended.status == 2 and "is damaged" in ended.err
    ended = sam2long(*common, tmp_path / "no" / "run.s2l")
    assert ended.status == 2 and "does not exist" in ended.err
    assert not (tmp_path / "b").exists() and not (tmp_path / "no").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_the_same_command_resumes(
    sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path, number: int, status: int
) -> None:
    def command(name: str) -> list[object]:
        words = ("track", clip, "--box", "4,16,20,32", "--point", "50,30#2", "--model", tiny_model)
        return [*words, "--session", tmp_path / f"{name}.s2l", "--out", tmp_path / name]

    assert sam2long(*command("whole")).status == 0
    assert [dies(number, call, *command("cut")) for call in (6, 3)] == [status, status]
    assert (tmp_path / "cut.s2l").exists()
    ended = sam2long(*command("cut"))
    assert ended.status == 0, ended.err
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert not list(tmp_path.glob(".*"))
