"""Which frame a name or a number in a file means."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sam2long.errors import PromptError
from sam2long.running.prompts.files.target import FrameName, Target
from sam2long.video import open_video

COUNT = 12
SIDES = ("left", "right")


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        Image.new("RGB", (8, 8)).save(path / name)
    return path


def frames(video: object, *names: str, numbers: tuple[int, ...] = ()) -> list[int | None]:
    asked = [FrameName(name) for name in names] + [FrameName(None, number) for number in numbers]
    with open_video(video) as source:  # type: ignore[arg-type]
        return Target(source).frames(asked, "file")


def film(count: int = COUNT) -> np.ndarray:
    return np.zeros((count, 8, 8, 3), np.uint8)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=st.integers(0, 99_990), wanted=st.sets(st.integers(0, COUNT - 1), min_size=1), other=st.booleans())
def test_images_are_found_by_their_own_names(
    tmp_path_factory: pytest.TempPathFactory, first: int, wanted: set[int], other: bool
) -> None:
    """Wherever the names begin, whatever the suffix, and if another tool has given other names with these numbers."""
    path = folder(tmp_path_factory.mktemp("in") / "a", *(f"shot7_{first + place:d}.png" for place in range(COUNT)))
    order = list(wanted)
    random.Random(first).shuffle(order)
    pattern = "../images/frame_{:06d}.jpg" if other else "C:\\shots\\shot7_{:d}.jpeg"
    assert frames(path, *(pattern.format(first + place) for place in order)) == order


def test_a_pattern_of_images(tmp_path: Path) -> None:
    path = folder(tmp_path / "in", *(f"{side}_{place}.png" for side in SIDES for place in range(9, 12)))
    with pytest.warns(
        UserWarning, match=r"right_9.txt, right_10.txt, right_11.txt are no frame of in, which has left_9"
    ):
        found = frames(str(path / "left_*.png"), *(f"{s}_{n}.txt" for s in SIDES for n in (9, 10, 11)))
    assert found == [0, 1, 2, None, None, None]


def test_frames_of_a_video() -> None:
    assert frames(film(), "frame_000004.jpg", "00007.png", "clip-3") == [4, 7, 3]
    assert frames(film(), numbers=(0, 5, 11)) == [0, 5, 11]
    assert frames(film(), "first.png") == [0]
    with pytest.warns(UserWarning, match="numbers 12 frames up to 12: read as numbers from 1"):
        assert frames(film(), "f1.png", "f5.png", "f12.png") == [0, 4, 11]


def test_by_order_if_nothing_else_helps() -> None:
    with pytest.warns(UserWarning, match="its frames are taken in order"):
        assert frames(film(3), "b.png", "c.png", "a.png") == [0, 1, 2]


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["f12.png"], "f12.png is no frame of array, which has frames 0 to 11"),
        (["f0.png", "f12.png"], "f12.png is no frame of array"),
        (["f14.png", "f15.png", "f16.png", "f17.png"], "f14.png, f15.png, f16.png and 1 more are no frame of array"),
        (["a.png", "b.png"], "a.png, b.png are no frame of array"),
        (["99999999999.png"], "99999999999.png is no frame"),
    ],
)
def test_unknown_frames(names: list[str], complaint: str) -> None:
    with open_video(film()) as source:
        source.name = "array"
        with pytest.raises(PromptError) as caught:
            Target(source).frames([FrameName(name) for name in names], "file")
    assert complaint in str(caught.value)
