"""`sam2long info`: what a path is, in lines and as JSON; complaints in one line."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import CLIP_FRAMES, CLIP_HEIGHT, CLIP_WIDTH, Command


@pytest.fixture
def run(sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path) -> Path:
    words = ("track", clip, "--point", "10,20", "--point", "30,30@5#7", "--checkpoint", tiny_model)
    assert sam2long(*words, "--out", tmp_path / "out", "--session", tmp_path / "a.s2l", "--quiet").status == 0
    return tmp_path


def test_a_video(sam2long: Command, clip: Path) -> None:
    facts = json.loads(sam2long("info", clip, "--json").out)
    assert (facts["kind"], facts["width"], facts["height"]) == ("video", CLIP_WIDTH, CLIP_HEIGHT)
    assert (facts["frames"], facts["frames_per_second"], facts["seconds"]) == (CLIP_FRAMES, 24.0, CLIP_FRAMES / 24)
    assert sam2long("info", clip).out.splitlines()[0] == f"{clip}: video"


def test_a_folder_of_images(sam2long: Command, tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(np.zeros((8, 10, 3), np.uint8)).save(tmp_path / f"{number}.png")
    facts = json.loads(sam2long("info", tmp_path, "--json").out)
    assert (facts["kind"], facts["frames"], facts["width"]) == ("video", 3, 10)


def test_a_session(sam2long: Command, run: Path, clip: Path) -> None:
    facts = json.loads(sam2long("info", run / "a.s2l", "--json").out)
    assert (facts["kind"], facts["video"], facts["frames"]) == ("session", str(clip), CLIP_FRAMES)
    assert facts["objects"] == [
        {"id": 1, "name": "object 1", "prompted_frames": [0], "frames_with_results": CLIP_FRAMES},
        {"id": 7, "name": "object 7", "prompted_frames": [5], "frames_with_results": CLIP_FRAMES - 5},
    ]
    assert f"  object 7: prompted on 5; {CLIP_FRAMES - 5} frames with results" in sam2long("info", run / "a.s2l").out


def test_a_run(sam2long: Command, run: Path) -> None:
    facts = json.loads(sam2long("info", run / "out", "--json").out)
    assert (facts["kind"], facts["complete"], facts["frames_written"]) == ("run", True, CLIP_FRAMES)
    assert set(facts["files"]) <= {item.name for item in (run / "out").iterdir()}
    assert "  complete        yes" in sam2long("info", run / "out").out


def test_weights(sam2long: Command, tiny_model: Path) -> None:
    facts = json.loads(sam2long("info", tiny_model, "--json").out)
    assert (facts["kind"], facts["stored_as"], facts["bytes"]) == (
        "checkpoint",
        ["float32"],
        tiny_model.stat().st_size,
    )
    assert facts["parameters"] * 4 < facts["bytes"]


@pytest.mark.parametrize("name", ["a.s2l", "a.safetensors", "a.mp4", "a.txt", "out"])
def test_garbage_is_told_in_one_line(sam2long: Command, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "out":
        path.mkdir()
        (path / "summary.json").write_text('{"settings": 3}', encoding="utf-8")
    else:
        path.write_bytes(b"no such thing" * 99)
    ended = sam2long("info", path)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("error: ")


@pytest.mark.parametrize("missing", ["made_by", "objects", "model"])
def test_a_session_that_lacks_something(sam2long: Command, run: Path, missing: str) -> None:
    with zipfile.ZipFile(run / "a.s2l") as whole, zipfile.ZipFile(run / "b.s2l", "w") as part:
        for name in whole.namelist():
            data = whole.read(name)
            if name == "session.json":
                data = json.dumps({key: value for key, value in json.loads(data).items() if key != missing}).encode()
            part.writestr(name, data)
    ended = sam2long("info", run / "b.s2l")
    assert ended.status == 2
    assert "b.s2l is damaged" in ended.err
    assert ended.err.count("\n") == 1


def test_what_does_not_exist(sam2long: Command, tmp_path: Path) -> None:
    ended = sam2long("info", tmp_path / "nothing")
    assert ended.status == 2
    assert "does not exist" in ended.err
