"""Clips that show what training is to teach: objects that vanish, come back and must be known by their looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.data.clips import SMALLEST_AREA, ClipDataset, draw_times, vanishing
from training.loop import ALONE

from .tiny import STAGE


def test_every_step_draws_its_own_stride() -> None:
    stage = replace(STAGE, frames=4, strides=(1, 5, 30))
    rng = np.random.default_rng(0)
    steps = [np.diff(draw_times(stage, 80, rng)) for _ in range(200)]
    assert {abs(int(step)) for several in steps for step in several} == {1, 5, 30}
    assert all((several > 0).all() or (several < 0).all() for several in steps)
    assert len({tuple(np.abs(several)) for several in steps}) > 20
    assert 60 < sum(bool((several < 0).all()) for several in steps) < 140


def test_times_lie_inside_the_scene() -> None:
    stage = replace(STAGE, frames=4, strides=(1, 5, 30))
    rng = np.random.default_rng(0)
    for length in (20, 41, 91):
        times = np.array([draw_times(stage, length, rng) for _ in range(100)])
        assert times.min() >= 0
        assert times.max() < length


def test_vanishing_objects_by_hand() -> None:
    ids = np.zeros((3, 16, 16), np.uint8)
    ids[:, :6, :6] = 1
    ids[:2, 8:14, 8:14] = 2
    ids[0, 8:14, 0:6] = 3
    ids[2, 8:14, 0:6] = 3
    ids[0, 0, 15] = 4
    assert (ids[0] == 4).sum() < SMALLEST_AREA
    assert vanishing(ids) == [2, 3]
    ids[1, 8:14, 8:14] = 0
    assert vanishing(ids, 0.4) == [2, 3]
    assert vanishing(ids, 0.5) == [2]


@pytest.mark.parametrize("kind", ["occlusion", "exit"])
def test_dull_clips_can_be_left_out(kind: str) -> None:
    stage = replace(STAGE, kinds=((kind, 1.0),), frames=4, strides=(8, 16, 32), dull_left_out=1.0)
    for clip in ClipDataset(stage, 0, ALONE)[0].ids.numpy():
        assert vanishing(clip)


def test_clips_with_short_absences_can_be_left_out_too() -> None:
    stage = replace(STAGE, kinds=(("occlusion", 1.0),), frames=8, strides=(8,), dull_left_out=1.0, vanishing=0.3)
    for clip in ClipDataset(stage, 0, ALONE)[0].ids.numpy():
        assert max((clip[1:] != number).all((1, 2)).mean() for number in vanishing(clip)) > 0.3


def test_jumps_show_other_parts_of_the_same_scene() -> None:
    stage = replace(STAGE, strides=(1,), crop=(0.4, 0.4), clips=4)
    still, jumpy = (
        [ClipDataset(replace(stage, jumpy=jumpy), 0, ALONE)[number].images.numpy() for number in range(3)]
        for jumpy in (0.0, 1.0)
    )
    assert _mean_change(still) < _mean_change(jumpy) / 2


def _mean_change(batches: list[np.ndarray]) -> float:
    """From frame to frame, of pixels 0..255."""
    return float(np.mean([np.abs(np.diff(images.astype(np.float32), axis=1)).mean() for images in batches]))
