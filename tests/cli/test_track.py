"""`sam2long track` from end to end, with a tiny network of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2long.tree import TreeConfig

from .conftest import CLIP_FRAMES, CLIP_HEIGHT, CLIP_WIDTH, Command, write_clip


def summary(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


def frames_of(out: Path) -> list[int]:
    return [entry["frame"] for entry in summary(out)["frames"]]


def test_a_box_gives_masks_overlay_and_json(sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = sam2long("track", clip, "--box", "4,16,20,32", "--out", out, "--model", tiny_model)
    assert ended.status == 0
    assert ended.err == ""
    written = "masks/, overlay.mp4, coco.json, ytvis.json, trace.csv, summary.json"
    assert f"{CLIP_FRAMES} frames of object 1 in {out}: {written}" in ended.out
    assert "frames/s" in ended.out
    assert {path.name + "/" * path.is_dir() for path in out.iterdir()} == set(written.split(", "))
    assert len(list((out / "masks").iterdir())) == CLIP_FRAMES
    assert summary(out)["complete"]
    assert frames_of(out) == list(range(CLIP_FRAMES))


def test_masks_that_were_given_come_back_with_their_numbers(
    sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path
) -> None:
    ids = np.zeros((CLIP_HEIGHT, CLIP_WIDTH), np.uint8)
    ids[16:32, 4:20], ids[0:8, 40:60] = 2, 7
    image = Image.fromarray(ids, mode="P")
    image.putpalette([value for index in range(256) for value in (index, index, 255 - index)])
    image.save(tmp_path / "first.png")
    out = tmp_path / "out"
    ended = sam2long(
        "track", clip, "--mask", tmp_path / "first.png", "--out", out, "--model", tiny_model, "--save", "png"
    )
    assert ended.status == 0
    # Not to the pixel: like SAM 2, tracking reports a given mask at the resolution of its own masks.
    written = np.asarray(Image.open(out / "masks" / "00000.png"))
    assert set(np.unique(written)) == {0, 2, 7}
    assert (written != ids).mean() < 0.01
    assert summary(out)["objects"] == [2, 7]


def test_prompts_and_settings_are_in_the_summary(
    sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["--point", "10,20,0@3#2", "--point", "30,20@3#2", "--box", "4,16,20,32", "--greedy", "--save", "coco"]
    assert sam2long("track", clip, *words, "--out", out, "--model", tiny_model, "--quiet").status == 0
    settings = summary(out)["settings"]
    assert settings["prompts"] == [
        {"frame": 0, "object": 1, "box": [4.0, 16.0, 20.0, 32.0]},
        {"frame": 3, "object": 2, "points": [[10.0, 20.0], [30.0, 20.0]], "labels": [0, 1]},
    ]
    assert settings["tree"]["pathways"] == 1
    again = tmp_path / "again.json"
    again.write_text(json.dumps({"prompts": settings["prompts"]}), encoding="utf-8")
    ended = sam2long(
        "track",
        clip,
        "--prompts",
        again,
        "--greedy",
        "--save",
        "coco",
        "--out",
        tmp_path / "out2",
        "--model",
        tiny_model,
    )
    assert ended.status == 0
    assert (tmp_path / "out2" / "coco.json").read_text(encoding="utf-8") == (out / "coco.json").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--box", "4,16,20,32@5"], [5, 6, 7, 8, 9, 10, 11]),
        (["--box", "4,16,20,32@5", "--reverse"], [0, 1, 2, 3, 4, 5]),
        (["--box", "4,16,20,32", "--end", "4"], [0, 1, 2, 3, 4]),
        (["--box", "4,16,20,32", "--stride", "5"], [0, 5, 10]),
        (["--box", "4,16,20,32", "--start", "9", "--pathways", "2", "--max-delay", "1"], [9, 10, 11]),
    ],
)
def test_which_frames(
    sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path, words: list[str], expected: list[int]
) -> None:
    out = tmp_path / "out"
    assert sam2long("track", clip, *words, "--out", out, "--model", tiny_model, "--save", "png").status == 0
    assert frames_of(out) == expected


def test_quiet_says_nothing(sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path) -> None:
    words = ["--box", "4,16,20,32", "--out", tmp_path / "out", "--save", "png", "--model", tiny_model, "--quiet"]
    ended = sam2long("track", clip, *words)
    assert (ended.status, ended.out, ended.err) == (0, "", "")


def test_random_weights_are_loud(sam2long: Command, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["--model", "sam2.1-hiera-tiny", "--random-weights", "--image-size", "64", "--end", "1", "--save", "png"]
    ended = sam2long("track", clip, "--box", "4,16,20,32", "--out", out, *words, "--quiet")
    assert ended.status == 0
    assert "RANDOM WEIGHTS" in ended.err
    assert summary(out)["settings"]["random_weights"] is True


def test_overwrite_replaces_results_and_nothing_else(
    sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["track", clip, "--box", "4,16,20,32", "--out", out, "--save", "png", "--model", tiny_model]
    assert sam2long(*words).status == 0
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    assert sam2long(*words).status == 2
    assert len(frames_of(out)) == CLIP_FRAMES
    assert sam2long(*words, "--end", "3", "--overwrite").status == 0
    assert frames_of(out) == [0, 1, 2, 3]
    assert len(list((out / "masks").iterdir())) == 4
    assert (out / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_truncated_video_is_tracked_as_far_as_it_goes(sam2long: Command, tiny_model: Path, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mp4", 60, movflags="faststart")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 8 // 10])
    out = tmp_path / "out"
    ended = sam2long("track", cut, "--box", "4,16,20,32", "--out", out, "--save", "png", "--model", tiny_model)
    assert ended.status == 0
    assert ended.err.startswith("warning: ")
    assert "cut.mp4" in ended.err
    assert ended.err.count("\n") == 1
    assert 0 < len(frames_of(out)) < 60
    assert not summary(out)["complete"]
    assert "cut.mp4" in summary(out)["stopped"]


def test_a_folder_of_images(sam2long: Command, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.full((20, 30, 3), 80 * number, np.uint8)).save(folder / f"frame{number}.png")
    out = tmp_path / "out"
    words = ["--point", "5,5", "--fps", "10", "--out", out, "--model", tiny_model, "--save", "png"]
    assert sam2long("track", folder, *words).status == 0
    assert sorted(path.name for path in (out / "masks").iterdir()) == ["frame0.png", "frame1.png", "frame2.png"]
    assert summary(out)["video"]["fps"] == 10


def test_the_help_tells_the_trees_defaults(sam2long: Command) -> None:
    text = " ".join(sam2long("track", "--help").out.replace("│", " ").split())
    tree = TreeConfig()
    assert tree.iou_threshold is not None
    assert tree.modulation is not None
    for default in (
        f"Default: {tree.pathways}.",
        f"Default: {tree.iou_threshold:g}.",
        f"Default: {tree.uncertainty_threshold:g}.",
        f"Default: {tree.modulation[0]:g},{tree.modulation[1]:g}.",
    ):
        assert default in text
