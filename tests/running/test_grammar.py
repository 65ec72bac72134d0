"""The prompt grammar: examples from the documentation, round trips, and every way to get it wrong."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sam2long.errors import PromptError
from sam2long.running.prompts.grammar import parse_boxes, parse_mask, parse_point, parse_prompts, split_suffixes
from sam2long.running.prompts.parsed import BoxPrompt, PointPrompt

frames = st.integers(0, 10**8)
ids = st.integers(1, 10**8)
coordinates = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("210,350", PointPrompt(0, 1, 210, 350, 1)),
        ("210,350,1", PointPrompt(0, 1, 210, 350, 1)),
        ("210,350,0", PointPrompt(0, 1, 210, 350, 0)),
        ("210.5,350", PointPrompt(0, 1, 210.5, 350, 1)),
        ("210,350@12", PointPrompt(12, 1, 210, 350, 1)),
        ("210,350#3", PointPrompt(0, 3, 210, 350, 1)),
        ("210,350,0@12#3", PointPrompt(12, 3, 210, 350, 0)),
        ("210,350,0#3@12", PointPrompt(12, 3, 210, 350, 0)),
        (" 210 , 350 ", PointPrompt(0, 1, 210, 350, 1)),
        ("-5,1e2", PointPrompt(0, 1, -5, 100, 1)),
    ],
)
def test_points(text: str, expected: PointPrompt) -> None:
    assert parse_point(text) == expected


def test_one_box_is_object_1() -> None:
    assert parse_boxes(["300,0,500,400"]) == [BoxPrompt(0, 1, (300, 0, 500, 400))]


@pytest.mark.parametrize(
    ("texts", "ids"),
    [
        (["0,0,1,1", "0,0,2,2", "0,0,3,3"], [1, 2, 3]),
        (["0,0,1,1#2", "0,0,2,2", "0,0,3,3"], [2, 1, 3]),
        (["0,0,1,1", "0,0,2,2#1", "0,0,3,3"], [2, 1, 3]),
        (["0,0,1,1", "0,0,2,2@9"], [1, 1]),
        (["0,0,1,1@9", "0,0,2,2", "0,0,3,3@9"], [1, 1, 2]),
        (["0,0,1,1#7", "0,0,2,2#7@4"], [7, 7]),
    ],
)
def test_boxes_without_a_number_count_up_within_their_frame(texts: list[str], ids: list[int]) -> None:
    assert [box.object_id for box in parse_boxes(texts)] == ids


@given(
    x=coordinates, y=coordinates, label=st.sampled_from([None, 0, 1]), frame=frames, object_id=ids, swap=st.booleans()
)
def test_points_survive_a_round_trip(
    x: float, y: float, label: int | None, frame: int, object_id: int, swap: bool
) -> None:
    body = f"{x!r},{y!r}" if label is None else f"{x!r},{y!r},{label}"
    text = body + (f"#{object_id}@{frame}" if swap else f"@{frame}#{object_id}")
    assert parse_point(text) == PointPrompt(frame, object_id, x, y, 1 if label is None else label)


@given(
    corners=st.tuples(coordinates, coordinates, st.floats(1e-3, 1e6), st.floats(1e-3, 1e6)), frame=frames, object_id=ids
)
def test_boxes_survive_a_round_trip(corners: tuple[float, float, float, float], frame: int, object_id: int) -> None:
    x0, y0, width, height = corners
    box = (x0, y0, x0 + width, y0 + height)
    text = ",".join(map(repr, box)) + f"@{frame}#{object_id}"
    assert parse_boxes([text]) == [BoxPrompt(frame, object_id, box)]


@given(
    name=st.text(st.sampled_from("ab@#.19/ é"), min_size=1).filter(lambda name: not name[-1].isdigit()),
    frame=st.none() | frames,
    object_id=st.none() | ids,
    swap=st.booleans(),
)
def test_file_names_may_contain_the_marks(name: str, frame: int | None, object_id: int | None, swap: bool) -> None:
    suffixes = ["" if frame is None else f"@{frame}", "" if object_id is None else f"#{object_id}"]
    marked = split_suffixes(name + "".join(reversed(suffixes) if swap else suffixes))
    assert (marked.body, marked.frame, marked.object_id) == (name, frame or 0, object_id)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    for read in (parse_point, lambda words: parse_boxes([words])[0]):
        try:
            prompt = read(text)
        except PromptError as error:
            assert str(error)
        else:
            assert prompt.frame >= 0
            assert prompt.object_id >= 1
            assert all(map(math.isfinite, prompt.box if isinstance(prompt, BoxPrompt) else (prompt.x, prompt.y)))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not 1 value"),
        ("210", "not 1 value"),
        ("1,2,1,0", "not 4 values"),
        ("a,350", "'a' is not a number"),
        ("1,", "'' is not a number"),
        ("nan,350", "'nan' is not a finite number"),
        ("210,-inf", "'-inf' is not a finite number"),
        ("210,350,2", "label must be 1 (on the object) or 0 (not on it), not '2'"),
        ("210,350,-1", "label must be"),
        ("210,350@-3", "frame -3 does not exist"),
        ("210,350#0", "object 0 does not exist"),
        ("210,350#-1", "object -1 does not exist"),
        ("210,350@x", "'350@x' is not a number"),
        ("210,350@1@2", "'350@1' is not a number"),
    ],
)
def test_bad_points(text: str, complaint: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse_point(text)
    assert complaint in str(caught.value)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("1,2,3", "not 3 values"),
        ("1,2,3,4,5", "not 5 values"),
        ("1,2,3,x", "'x' is not a number"),
        ("1,2,inf,4", "'inf' is not a finite number"),
        ("5,2,5,4", "the box is empty"),
        ("1,9,3,4", "X0 < X1 and Y0 < Y1"),
        ("1,2,3,4@-1", "frame -1 does not exist"),
    ],
)
def test_bad_boxes(text: str, complaint: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse_boxes([text])
    assert complaint in str(caught.value)
    assert text in str(caught.value)


def test_every_colour_of_a_palette_mask_is_an_object(tmp_path: Path) -> None:
    ids = np.array([[0, 2], [5, 5]], np.uint8)
    path = _palette_png(tmp_path / "first@3#4.png", ids)
    prompts = parse_mask(f"{path}@7")
    assert [(prompt.frame, prompt.object_id) for prompt in prompts] == [(7, 2), (7, 5)]
    for prompt in prompts:
        np.testing.assert_array_equal(prompt.mask, ids == prompt.object_id)


def test_a_number_names_the_only_object_of_a_mask(tmp_path: Path) -> None:
    path = _palette_png(tmp_path / "one.png", np.array([[0, 3]], np.uint8))
    (prompt,) = parse_mask(f"{path}#9@2")
    assert (prompt.frame, prompt.object_id) == (2, 9)


def test_a_number_cannot_name_several_objects(tmp_path: Path) -> None:
    path = _palette_png(tmp_path / "two.png", np.array([[1, 3]], np.uint8))
    with pytest.raises(PromptError, match="objects 1, 3"):
        parse_mask(f"{path}#9")


@pytest.mark.parametrize("content", [None, b"", b"not a picture"])
def test_unreadable_masks(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PromptError, match=r"bad\.png"):
        parse_mask(str(path))


def test_an_empty_mask_is_refused(tmp_path: Path) -> None:
    path = _palette_png(tmp_path / "empty.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(PromptError, match=r"empty\.png"):
        parse_mask(str(path))


def test_all_kinds_together(tmp_path: Path) -> None:
    path = _palette_png(tmp_path / "mask.png", np.array([[0, 4]], np.uint8))
    prompts = parse_prompts(["1,2", "3,4,0"], ["0,0,9,9#2"], [str(path)])
    assert [prompt.object_id for prompt in prompts] == [1, 1, 2, 4]


def _palette_png(path: Path, ids: np.ndarray) -> Path:
    image = Image.fromarray(ids, mode="P")
    image.putpalette([value for index in range(256) for value in (index, 255 - index, 40)])
    image.save(path)
    return path
