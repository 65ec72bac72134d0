"""Prompts against the video's size and length, and on their way into a session."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sam2long.errors import PromptError
from sam2long.running.prompts.parsed import BoxPrompt, MaskPrompt, PointPrompt, apply_prompts, check_prompts, object_ids

CLIP: Any = SimpleNamespace(name="clip", width=64, height=48, frame_count=10)


def point(x: float = 5, y: float = 6, frame: int = 0, object_id: int = 1, label: int = 1) -> PointPrompt:
    return PointPrompt(frame, object_id, x, y, label)


def box(*corners: float, frame: int = 0, object_id: int = 1) -> BoxPrompt:
    x0, y0, x1, y1 = corners or (1, 2, 30, 40)
    return BoxPrompt(frame, object_id, (x0, y0, x1, y1))


def mask(height: int = 48, width: int = 64, frame: int = 0, object_id: int = 1) -> MaskPrompt:
    return MaskPrompt(frame, object_id, Path("mask.png"), np.ones((height, width), bool))


@pytest.mark.parametrize(
    "prompts",
    [
        [point(), point(7, 7, label=0), box()],
        [box(), box(object_id=2), mask(object_id=3)],
        [box(), box(frame=3), mask(frame=9)],
        [box(0, 0, 64, 48), point(0, 0), point(64, 48)],
    ],
)
def test_prompts_that_fit(prompts: list[Any]) -> None:
    check_prompts(prompts, CLIP)


@pytest.mark.parametrize(
    ("prompts", "complaint"),
    [
        ([], "nothing to follow"),
        ([point(64.5, 0)], "object 1 on frame 0: point 64.5,0 lies outside the 64x48 frame"),
        ([point(-1, 0)], "point -1,0 lies outside"),
        ([point(), point(5, 49, frame=2, object_id=3)], "object 3 on frame 2: point 5,49 lies outside"),
        ([box(64, 2, 75, 40)], "box 64,2,75,40 lies outside the 64x48 frame"),
        ([box(-9, 2, -0.5, 40)], "lies outside"),
        ([point(frame=10)], "object 1 on frame 10: clip has only frames 0 to 9"),
        ([mask(64, 48)], "the mask is 48x64 pixels but the video is 64x48"),
        ([mask(), box()], "object 1 on frame 0 has a mask and a box"),
        ([mask(), point()], "object 1 on frame 0 has a mask and points"),
        ([mask(), mask()], "has 2 masks"),
        ([box(), box(2, 2, 9, 9)], "has 2 boxes"),
    ],
)
def test_prompts_that_do_not_fit(prompts: list[Any], complaint: str) -> None:
    with pytest.raises(PromptError) as caught:
        check_prompts(prompts, CLIP)
    assert complaint in str(caught.value)


def test_a_stream_of_unknown_length_takes_any_frame() -> None:
    check_prompts([point(frame=10**6)], SimpleNamespace(name="live", width=64, height=48, frame_count=None))  # type: ignore[arg-type]


def test_object_ids_are_unique_and_ascending() -> None:
    assert object_ids([box(object_id=3), point(object_id=1), point(7, 7, object_id=3)]) == [1, 3]


@dataclass
class RecordingSession:
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def add_points(self, **said: Any) -> None:
        self.calls.append(("points", said))

    def add_box(self, **said: Any) -> None:
        self.calls.append(("box", said))

    def add_mask(self, **said: Any) -> None:
        self.calls.append(("mask", said))


def test_a_session_hears_everything_about_an_object_at_once() -> None:
    session: Any = RecordingSession()
    outline = mask(object_id=2)
    apply_prompts([point(5, 6), outline, box(), point(7, 8, label=0), point(1, 1, frame=4)], session)
    assert session.calls == [
        (
            "box",
            {"frame": 0, "object_id": 1, "box": (1, 2, 30, 40), "points": [(5, 6), (7, 8)], "labels": [1, 0]},
        ),
        ("mask", {"frame": 0, "object_id": 2, "mask": outline.mask}),
        ("points", {"frame": 4, "object_id": 1, "points": [(1, 1)], "labels": [1]}),
    ]
