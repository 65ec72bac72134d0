"""Damaged files of every kind are read, or told in one line; nothing else is raised."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

from sam2long.errors import UserError
from sam2long.running.prompts.files.choice import PromptFrames
from sam2long.running.prompts.parsed import check_prompts
from sam2long.running.prompts.reading import read_file
from sam2long.video import VideoSource, open_video
from tests.fuzz.mutate import mutate, mutate_json

from .coco_files import CATEGORIES, compressed, file, outlines
from .conftest import FRAMES, HEIGHT, WIDTH, Truth
from .cvat_files import images, tracks, video
from .label_files import label_folder, labelme, masked, mot, shape

ROUNDS = 40


def ytvis(truth: Truth) -> object:
    seen = [truth.mask(frame, 3).any() for frame in range(FRAMES)]
    masks = [compressed(truth, frame, 3) if visible else None for frame, visible in enumerate(seen)]
    track = {"id": 3, "video_id": 1, "category_id": 7, "segmentations": masks}
    names = [f"img_{frame + 1:04d}.jpg" for frame in range(FRAMES)]
    head = {"id": 1, "width": WIDTH, "height": HEIGHT, "file_names": names}
    return {"videos": [head], "annotations": [track], "categories": CATEGORIES}


def rows(truth: Truth) -> object:
    return [
        {"x_min": 1.0, "y_min": 2.0, "x_max": 9.0, "y_max": 8.0, "class_id": 1, "tracker_id": number, "frame": number}
        for number in range(3)
    ]


def lme(truth: Truth) -> object:
    triangle, disc = shape("polygon", (1, 1), (9, 1), (5, 9)), shape("circle", (9, 9), (12, 12))
    return labelme(masked(truth, 0, 1, group_id=1), disc, triangle)


JSON: dict[str, Callable[[Truth], object]] = {
    "coco": lambda truth: file(truth, compressed),
    "coco polygons": lambda truth: file(truth, outlines),
    "ytvis": ytvis,
    "labelme": lme,
    "sink": rows,
    "ours": lambda truth: {"prompts": [{"object": 1, "name": "a", "box": [1, 2, 3, 4], "points": [[2, 3]]}]},
}
TEXT: dict[str, Callable[[Truth, Path], str]] = {
    "cvat tracks": lambda truth, folder: video(*tracks(truth, "mask")),
    "cvat images": lambda truth, folder: images(truth),
    "mot": lambda truth, folder: mot(truth),
    "yolo": lambda truth, folder: (label_folder(truth, folder / "a", polygons=True) / "img_0001.txt").read_text(
        encoding="utf-8"
    ),
    "csv": lambda truth, folder: "x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,frame\n1,2,9,8,0,0.5,1,0\n",
}


def try_file(path: Path, source: VideoSource) -> str | None:
    """Read a file as `track` does; the message if it is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_prompts(read_file(path, source, PromptFrames(2)).prompts, source)
    except UserError as error:
        assert str(error).strip() and len(str(error)) < 1000
        return str(error)
    return None


@pytest.mark.parametrize("kind", JSON)
def test_damaged_json(truth: Truth, tmp_path: Path, kind: str) -> None:
    draw, path = Random(kind), tmp_path / "given.json"
    sound = json.dumps(JSON[kind](truth)).encode()
    with open_video(truth.images) as source:
        path.write_bytes(sound)
        assert try_file(path, source) is None
        for _ in range(ROUNDS):
            path.write_bytes(mutate_json(draw, sound))
            try_file(path, source)


@pytest.mark.parametrize("kind", TEXT)
def test_damaged_text(truth: Truth, tmp_path: Path, kind: str) -> None:
    draw, path = Random(kind), tmp_path / "img_0001.txt"
    sound = TEXT[kind](truth, tmp_path).encode()
    with open_video(truth.images) as source:
        path.write_bytes(sound)
        assert try_file(path, source) is None
        for _ in range(ROUNDS):
            damaged = mutate(draw, sound) if draw.random() < 0.5 else _other_words(draw, sound)
            path.write_bytes(damaged)
            try_file(path, source)


def _other_words(draw: Random, data: bytes) -> bytes:
    """Replace a number of the text by an odd one, which leaves the form as it is."""
    digits = [at for at in range(len(data)) if data[at : at + 1].isdigit()]
    at = draw.choice(digits)
    odd = draw.choice((b"", b"-1", b"1e309", b"nan", b"999999999999", b"0", b"x", b"1.5", b"\xd9\xa1", b"1" * 5000))
    return data[:at] + odd + data[at + 1 :]


@pytest.mark.parametrize("frames", ["first", "all", "3"])
def test_a_live_source_has_no_known_length(truth: Truth, tmp_path: Path, frames: str) -> None:
    path = tmp_path / "given.json"
    path.write_text(json.dumps(file(truth, compressed)), encoding="utf-8")
    with open_video(iter([np.zeros((HEIGHT, WIDTH, 3), np.uint8)])) as source:
        found = read_file(path, source, PromptFrames.parse(frames)).prompts
    assert found[0].frame == 1  # as img_0001 says
