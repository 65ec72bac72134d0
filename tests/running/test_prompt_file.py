"""Prompts from JSON: the documented schema, and a precise complaint about everything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sam2long.errors import PromptError
from sam2long.running.prompts.parsed import BoxPrompt, MaskPrompt, PointPrompt, describe
from sam2long.running.prompts.prompt_file import read_prompt_file
from sam2long.running.prompts.reading import read_prompts

numbers = st.integers(-1000, 1000) | st.floats(-1e6, 1e6)


def write(folder: Path, *entries: Any) -> Path:
    path = folder / "prompts.json"
    path.write_text(json.dumps({"prompts": list(entries)}), encoding="utf-8")
    return path


def test_the_documented_example(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / "masks" / "cup.png")
    path = write(
        tmp_path,
        {"frame": 0, "object": 1, "box": [300, 0, 500, 400]},
        {"frame": 0, "object": 1, "points": [[410, 120], [320, 30]], "labels": [1, 0]},
        {"frame": 3, "object": 2, "mask": "masks/cup.png"},
    )
    *marks, mask = read_prompt_file(path)
    assert marks == [
        BoxPrompt(0, 1, (300, 0, 500, 400)),
        PointPrompt(0, 1, 410, 120, 1),
        PointPrompt(0, 1, 320, 30, 0),
    ]
    assert isinstance(mask, MaskPrompt)
    assert (mask.frame, mask.object_id, mask.mask.tolist()) == (3, 2, [[False, True]])


def test_frame_and_labels_have_defaults(tmp_path: Path) -> None:
    assert read_prompt_file(write(tmp_path, {"object": 4, "points": [[1, 2]]})) == [PointPrompt(0, 4, 1, 2, 1)]


@given(
    points=st.lists(st.tuples(numbers, numbers, st.integers(0, 1)), min_size=1, max_size=5),
    frame=st.integers(0, 10**6),
    object_id=st.integers(1, 10**6),
)
def test_points_survive_a_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    points: list[tuple[float, float, int]],
    frame: int,
    object_id: int,
) -> None:
    entry = {
        "frame": frame,
        "object": object_id,
        "points": [[x, y] for x, y, _ in points],
        "labels": [label for *_, label in points],
    }
    path = write(tmp_path_factory.getbasetemp(), entry)
    assert read_prompt_file(path) == [PointPrompt(frame, object_id, x, y, label) for x, y, label in points]


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("box", "prompts[1]: expected an object in braces"),
        ({}, "prompts[1]: expected points, a box or a mask"),
        ({"object": 1, "boxes": []}, "unknown key 'boxes'"),
        ({"box": [1, 2, 3, 4]}, "'object' is missing"),
        ({"object": 0, "box": [1, 2, 3, 4]}, "object must be a whole number of at least 1, not 0"),
        ({"object": "1", "box": [1, 2, 3, 4]}, 'object must be a whole number of at least 1, not "1"'),
        ({"object": True, "box": [1, 2, 3, 4]}, "not true"),
        ({"object": 1, "frame": -1, "box": [1, 2, 3, 4]}, "frame must be a whole number of at least 0, not -1"),
        ({"object": 1, "frame": 1.5, "box": [1, 2, 3, 4]}, "not 1.5"),
        ({"object": 1, "box": [1, 2, 3]}, "box must be [x0, y0, x1, y1], 4 finite numbers"),
        ({"object": 1, "box": [1, 2, 3, None]}, "4 finite numbers"),
        ({"object": 1, "box": [1, 2, 3, float("nan")]}, "4 finite numbers"),
        ({"object": 1, "box": [1, 2, 3, 10**400]}, "4 finite numbers"),
        ({"object": 1, "box": [3, 2, 1, 4]}, "the box is empty"),
        ({"object": 1, "points": []}, "at least one"),
        ({"object": 1, "points": [1, 2]}, "points[0] must be [x, y]"),
        ({"object": 1, "points": [[1, 2], [1, float("inf")]]}, "points[1] must be [x, y], 2 finite numbers"),
        ({"object": 1, "points": [[1, 2]], "labels": [1, 0]}, "one label per point, 1 in all"),
        ({"object": 1, "points": [[1, 2]], "labels": [2]}, "labels[0] must be 1"),
        ({"object": 1, "points": [[1, 2]], "labels": [True]}, "labels[0] must be 1"),
        ({"object": 1, "box": [1, 2, 3, 4], "labels": [1]}, "labels need points"),
        ({"object": 1, "mask": "a.png", "box": [1, 2, 3, 4]}, "a mask cannot be combined with points or a box"),
        ({"object": 1, "mask": 3}, "mask must be the path of an image file"),
        ({"object": 1, "mask": "nowhere.png"}, "nowhere.png"),
    ],
)
def test_bad_entries(tmp_path: Path, entry: Any, complaint: str) -> None:
    path = write(tmp_path, {"object": 1, "box": [1, 2, 3, 4]}, entry)
    with pytest.raises(PromptError) as caught:
        read_prompt_file(path)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"prompts": [\n{"object": 1,}]}', "bad JSON in line 2"),
        (b"", "bad JSON in line 1"),
        (b"[]", 'expected {"prompts": [...]}'),
        (b'{"prompts": {}}', 'expected {"prompts": [...]}'),
        (b'{"prompts": [], "video": "a.mp4"}', "and no other keys at the top level"),
        (b'{"prompts": []}', "the list of prompts is empty"),
        (b"\xff\xfe\x00", "not a UTF-8 text file"),
        (b"[" * 100_000, "bad JSON"),
        (b"1" * 10_000, "bad JSON"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "prompts.json"
    path.write_bytes(content)
    with pytest.raises(PromptError) as caught:
        read_prompt_file(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"nowhere\.json: cannot be read"):
        read_prompt_file(tmp_path / "nowhere.json")


def test_words_and_file_are_joined_and_checked_together(tmp_path: Path) -> None:
    path = write(tmp_path, {"object": 2, "box": [1, 2, 3, 4]})
    assert len(read_prompts(["1,1"], [], [], path).prompts) == 2
    with pytest.raises(PromptError, match="object 2 on frame 0 has 2 boxes"):
        read_prompts([], ["0,0,5,5#2"], [], path)
    with pytest.raises(PromptError, match="nothing to follow"):
        read_prompts([], [], [], None)


def test_names_are_kept(tmp_path: Path) -> None:
    entries = [{"object": 2, "name": "cup", "box": [1, 2, 3, 4], "points": [[2, 3]]}]
    prompts = read_prompt_file(write(tmp_path, *entries))
    assert [prompt.name for prompt in prompts] == ["cup", "cup"]
    assert describe(prompts) == [{"frame": 0, **entries[0], "labels": [1]}]


@pytest.mark.parametrize("name", ["", " ", 3, None, "x" * 201])
def test_bad_names(tmp_path: Path, name: Any) -> None:
    with pytest.raises(PromptError, match="name must be text of 1 to 200 characters"):
        read_prompt_file(write(tmp_path, {"object": 2, "name": name, "box": [1, 2, 3, 4]}))
