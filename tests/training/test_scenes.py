"""Clips cut from synthetic scenes."""

from __future__ import annotations

import numpy as np

from training.data.scenes import SMALLEST_AREA, draw_times, scene_clip, vanishing
from training.stages import Staging


def test_every_step_draws_its_own_stride() -> None:
    rng = np.random.default_rng(0)
    steps = [np.diff(draw_times(4, 80, rng)) for _ in range(200)]
    assert {abs(int(step)) for several in steps for step in several} == {1, 2, 4, 8}
    assert all((several > 0).all() or (several < 0).all() for several in steps)
    assert 60 < sum(bool((several < 0).all()) for several in steps) < 140


def test_times_lie_inside_the_scene() -> None:
    rng = np.random.default_rng(0)
    for length in (20, 41, 91):
        times = np.array([draw_times(4, length, rng) for _ in range(100)])
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


def test_clips_show_an_object_first_and_often_lose_it() -> None:
    rng = np.random.default_rng(0)
    clips = [scene_clip(rng, 8, 96, Staging()) for _ in range(12)]
    for images, ids in clips:
        assert images.shape == (8, 96, 96, 3) and ids.shape == (8, 96, 96)
        assert (ids[0] > 0).sum() >= SMALLEST_AREA
    assert sum(bool(vanishing(ids)) for _, ids in clips) >= 2
