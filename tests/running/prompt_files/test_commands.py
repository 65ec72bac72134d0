"""`track --prompts`, `prompts convert`, `prompts show` and batches with files of other tools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2long.running.prompts.files.choice import PromptFrames
from sam2long.running.prompts.reading import read_file
from sam2long.video import open_video
from tests.cli.conftest import Command

from .conftest import FRAMES, LATE, Truth, places, same_masks
from .cvat_files import single, tracks, video


@pytest.fixture
def cvat(truth: Truth, tmp_path: Path) -> Path:
    path = tmp_path / "annotations.xml"
    path.write_text(video(*tracks(truth, "mask")), encoding="utf-8")
    return path


def test_convert_keeps_masks_names_and_frames(sam2long: Command, truth: Truth, cvat: Path, tmp_path: Path) -> None:
    out = tmp_path / "edit" / "prompts.json"
    out.parent.mkdir()
    ended = sam2long("prompts", "convert", cvat, "--video", truth.images, "--out", out)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == (
        f"{cvat}: CVAT, 3 objects, prompted on frames 0, 3; 10 later marks not used (--prompt-frames all or N)\n"
        f"wrote {out} and 3 masks in {out.parent / 'prompts-masks'}\n"
    )
    assert json.loads(out.read_text(encoding="utf-8"))["prompts"][2] == {
        "frame": LATE, "object": 3, "name": "dog", "mask": "prompts-masks/00003-3.png",
    }  # fmt: skip
    with open_video(truth.images) as source:
        before, after = (read_file(path, source, PromptFrames()).prompts for path in (cvat, out))
    assert same_masks(after, truth)
    assert [(prompt.frame, prompt.object_id, prompt.name) for prompt in after] == [
        (prompt.frame, prompt.object_id, prompt.name) for prompt in before
    ]


def test_convert_replaces_nothing_unasked(sam2long: Command, truth: Truth, cvat: Path, tmp_path: Path) -> None:
    masks = tmp_path / "prompts-masks"
    masks.mkdir()
    (masks / "00000-2.png").write_bytes(b"mine")
    words = ("prompts", "convert", cvat, "--video", truth.images, "--out", tmp_path / "prompts.json", "--quiet")
    ended = sam2long(*words)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == f"error: {masks / '00000-2.png'} exists already; choose another name, or add --overwrite\n"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["00000-2.png", "annotations.xml", "prompts-masks"]
    assert sam2long(*words, "--overwrite").status == 0
    nowhere = sam2long(*words[:-2], tmp_path / "no" / "prompts.json")
    assert nowhere.status == 2 and "cannot be written: No such file or directory" in nowhere.err


def test_show_lists_and_draws(sam2long: Command, truth: Truth, cvat: Path, tmp_path: Path) -> None:
    picture = tmp_path / "check.png"
    ended = sam2long("prompts", "show", cvat, "--video", truth.images, "--out", picture, "--prompt-frames", "all")
    assert ended.status == 0
    assert f"  frame 3, object 3 (dog): mask of {truth.mask(LATE, 3).sum()} pixels\n" in ended.out
    with Image.open(picture) as image:
        drawn = np.asarray(image.convert("RGB"))
    assert drawn.shape[1] >= 2 * truth.ids.shape[2]  # several frames side by side
    again = sam2long("prompts", "show", cvat, "--video", truth.images, "--out", picture)
    assert again.status == 2 and "exists already" in again.err


def test_show_draws_boxes_and_clicks(sam2long: Command, truth: Truth, tmp_path: Path) -> None:
    path = tmp_path / "given.json"
    entry = {"object": 1, "name": "walker", "box": [10, 10, 50, 40], "points": [[30, 30], [70, 50]], "labels": [1, 0]}
    path.write_text(json.dumps({"prompts": [entry]}), encoding="utf-8")
    ended = sam2long("prompts", "show", path, "--video", truth.images, "--out", tmp_path / "check.png")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("  frame 0, object 1 (walker): box 10,10,50,40, 2 points\n")
    with Image.open(tmp_path / "check.png") as image, Image.open(truth.images / "img_0001.jpg") as frame:
        top = image.height - frame.height
        changed = np.abs(np.asarray(image, int)[top:] - np.asarray(frame, int)).sum(2) > 30
    assert changed[11:39, 10].all() and changed[40, 15:45].all()  # two sides of the box
    assert changed[30, 30] and changed[50, 70]
    assert not changed[55:, :60].any()


def test_track_takes_prompts_from_other_tools(
    sam2long: Command, truth: Truth, cvat: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("track", truth.images, "--prompts", cvat, "--out", out, "--model", tiny_model, "--device", "cpu")
    ended = sam2long(*words, "--save", "png", "--session", tmp_path / "run.s2l")
    assert ended.status == 0
    assert f"{cvat}: CVAT, 3 objects, prompted on frames 0, 3" in ended.err
    settings = json.loads((out / "summary.json").read_text(encoding="utf-8"))["settings"]
    assert settings["prompts"][0] == {"frame": 0, "object": 1, "name": "person", "from": str(cvat)}
    info = json.loads(sam2long("info", tmp_path / "run.s2l", "--json").out)
    assert {item["id"]: item["name"] for item in info["objects"]} == {1: "person", 2: "person", 3: "dog"}
    sam2long("prompts", "convert", cvat, "--video", truth.images, "--out", tmp_path / "ours.json")
    words = (*words[:3], tmp_path / "ours.json", "--out", tmp_path / "again", *words[6:])
    assert sam2long(*words, "--save", "png,cvat").status == 0
    masks = [sorted((folder / "masks").iterdir()) for folder in (out, tmp_path / "again")]
    assert len(masks[0]) == FRAMES
    assert '<track id="0" label="person"' in (tmp_path / "again" / "cvat.xml").read_text(encoding="utf-8")
    assert [path.read_bytes() for path in masks[0]] == [path.read_bytes() for path in masks[1]]


@pytest.mark.parametrize(
    ("content", "more", "complaint"),
    [
        (single("box", 50, xtl=1, ytl=1, xbr=9, ybr=9), (), "frames 0 to 7"),
        (single("box", 5, xtl=99, ytl=1, xbr=120, ybr=9), (), "box 99,1,120,9 lies outside the 80x64 frame"),
        ("hello", (), "begins with"),
        ("", (), "is empty; nothing is marked"),
        ('{"a": 1}', (), 'has the keys "a"; expected a prompt file of sam2long'),
        (video(), ("--prompt-frames", "some"), "--prompt-frames must be first, all or a number from 1, not 'some'"),
    ],
)
def test_errors_come_first(
    sam2long: Command, truth: Truth, tmp_path: Path, content: str, more: tuple[str, ...], complaint: str
) -> None:
    path = tmp_path / "given"
    path.write_text(content, encoding="utf-8")
    for words in (("track", truth.images, "--prompts", path), ("prompts", "show", path, "--video", truth.images)):
        ended = sam2long(*words, "--out", tmp_path / "out.png", *more)
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.startswith("error: ") and ended.err.count("\n") == 1
        assert complaint in ended.err
        assert not (tmp_path / "out.png").exists()


def test_a_picture_is_no_prompt_file(sam2long: Command, truth: Truth) -> None:
    mask = truth.masks / "img_0001.png"
    ended = sam2long("prompts", "show", mask, "--video", truth.images)
    assert ended.err == f"error: {mask} is an image; give masks with --mask {mask}\n"


def test_a_batch_takes_them_too(truth: Truth, cvat: Path, tiny_model: Path, tmp_path: Path) -> None:
    from sam2long.batch import Job

    job = Job("walk", str(truth.images), prompts=str(cvat), settings={"prompt_frames": "2"})
    with open_video(truth.images) as source:
        prompts = job.read_prompts(source)
    frames = {number: [frame for frame, other in places(prompts) if other == number] for number in (1, 2, 3)}
    assert frames == {1: [0, 3, 6], 2: [0, 3, 6], 3: [3, 6]}  # every second keyframe: 0, 2, 3, 4 and 6
    assert same_masks(prompts, truth)
