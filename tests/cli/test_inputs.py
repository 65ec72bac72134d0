"""What people give `sam2long track`: folders with a bad picture, deep images, odd names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from .conftest import CLIP_FRAMES, CLIP_HEIGHT, CLIP_WIDTH, Command, write_clip

FRAMES = 8


def pictures(folder: Path, kind: type = np.uint8) -> Path:
    """A bright square that moves right, one PNG per frame; 16 bits hold values up to 4095."""
    folder.mkdir()
    for number in range(FRAMES):
        image = np.full((CLIP_HEIGHT, CLIP_WIDTH), 30, kind)
        image[16:32, 4 + 2 * number : 20 + 2 * number] = 230
        Image.fromarray(image * (1 if kind is np.uint8 else 16)).save(folder / f"left_{number}.png")
    return folder


def summary(out: Path) -> dict[str, Any]:
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


def frames_of(out: Path) -> list[int]:
    return [entry["frame"] for entry in summary(out)["frames"]]


def spoil(path: Path, kind: str) -> None:
    if kind == "size":
        Image.fromarray(np.zeros((10, 10), np.uint8)).save(path)
    elif kind == "half":
        path.write_bytes(path.read_bytes()[:-30])
    else:
        path.write_bytes(b"")


@pytest.fixture
def tracks(sam2long: Command, tiny_model: Path, tmp_path: Path):
    def run(video: object, *words: object):
        return sam2long("track", video, "--box", "4,16,20,32", "--out", tmp_path / "out", "--model", tiny_model, *words)

    return run


@pytest.mark.parametrize("kind", ["size", "half", "empty"])
def test_a_bad_picture_keeps_what_was_finished(tracks, tmp_path, kind) -> None:
    folder, out = pictures(tmp_path / "shots"), tmp_path / "out"
    spoil(folder / "left_5.png", kind)
    ended = tracks(folder)
    assert ended.status == 0, ended.err
    assert ended.err.startswith("warning: ") and ended.err.count("\n") == 1
    assert "stopped at frame 5" in ended.err and "left_5.png" in ended.err
    assert frames_of(out) == [0, 1, 2, 3, 4]
    assert not summary(out)["complete"] and "left_5.png" in summary(out)["stopped"]
    with av.open(str(out / "overlay.mp4")) as overlay:
        assert len(list(overlay.decode(video=0))) == 5
    assert len(json.loads((out / "coco.json").read_text(encoding="utf-8"))["images"]) == 5


@pytest.mark.parametrize("bad", [FRAMES // 2 - 1, FRAMES - 1])
def test_a_bad_picture_in_a_session(tracks, tmp_path, bad) -> None:
    folder = pictures(tmp_path / "shots")
    spoil(folder / f"left_{bad}.png", "half")
    for words in ((), ("--point", "20,20,0@1#1")):
        ended = tracks(folder, "--session", tmp_path / "run.s2l", "--save", "png", "--overwrite", *words)
        assert ended.status == 0 and f"left_{bad}.png" in ended.err
        assert frames_of(tmp_path / "out") == list(range(bad))


def test_a_bad_first_or_prompted_picture_is_an_error(tracks, tmp_path) -> None:
    folder = pictures(tmp_path / "shots")
    spoil(folder / "left_5.png", "half")
    ended = tracks(folder, "--point", "9,9@5#2")
    assert ended.status == 2 and ended.err.startswith("error: ") and "left_5.png" in ended.err
    spoil(folder / "left_0.png", "empty")
    ended = tracks(folder)
    assert ended.status == 2 and "left_0.png" in ended.err
    assert not (tmp_path / "out").exists()


def test_backward_from_behind_a_bad_picture(tracks, tmp_path) -> None:
    folder = pictures(tmp_path / "shots")
    spoil(folder / "left_2.png", "size")
    ended = tracks(folder, "--point", "20,20@6#1", "--reverse", "--start", "6", "--save", "png")
    assert ended.status in (0, 2) and ended.err.count("\n") == 1 and "left_2.png" in ended.err


def test_a_change_of_size_keeps_what_was_finished(tracks, tmp_path) -> None:
    one, other = write_clip(tmp_path / "one.ts", CLIP_FRAMES), tmp_path / "other.ts"
    with av.open(str(other), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(12):
            container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode())
    one.write_bytes(one.read_bytes() + other.read_bytes())
    ended = tracks(one)
    assert ended.status == 0 and ended.err.count("\n") == 1 and "32x32" in ended.err
    assert frames_of(tmp_path / "out") == list(range(CLIP_FRAMES))
    assert not summary(tmp_path / "out")["complete"] and "32x32" in summary(tmp_path / "out")["stopped"]


def test_a_broken_link_is_an_error(tracks, tmp_path) -> None:
    folder = pictures(tmp_path / "shots")
    (folder / "left_3.png").unlink()
    (folder / "left_3.png").symlink_to(tmp_path / "moved.png")
    ended = tracks(folder)
    assert ended.status == 2 and ended.err.count("\n") == 1 and "left_3.png is a broken symbolic link" in ended.err


def test_deep_pictures_are_scaled_with_one_line(tracks, tmp_path) -> None:
    folder = pictures(tmp_path / "shots", np.uint16)
    ended = tracks(folder, "--save", "png")
    assert ended.status == 0 and ended.err.startswith("warning: ") and ended.err.count("\n") == 1
    assert "0 is black and 4095 is white" in ended.err and "--levels LOW,HIGH" in ended.err
    ended = tracks(folder, "--save", "png", "--overwrite", "--levels", "0,4095")
    assert (ended.status, ended.err) == (0, "")
    for levels in ("9", "a,b", "5,1", "1,2,3", "nan,1"):
        ended = tracks(folder, "--overwrite", "--levels", levels)
        assert ended.status == 2 and "levels" in ended.err and ended.err.count("\n") == 1


@pytest.mark.parametrize("name", ["12:30:05.mp4", "./12:30:05.mp4", "~clip.mp4"])
def test_odd_names(tracks, tmp_path, monkeypatch, name) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.mp4", 4).rename(tmp_path / os.path.normpath(name))
    ended = tracks(name)
    assert (ended.status, ended.err) == (0, "")
    assert frames_of(tmp_path / "out") == [0, 1, 2, 3]
