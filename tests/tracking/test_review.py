"""Which frames are proposed for a look: scripted tracks with one thing wrong at a known place."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from sam2long.errors import ConfigError
from sam2long.tracking.review import Observation, observe, review
from sam2long.video import FrameResult

CALM = Observation(0, 0.0, 1, 1000, 9.0, 0.9, 0.0, math.inf, False)


def track(count: int, object_id: int = 1, prompts: tuple[int, ...] = (0,), **odd: tuple[range, float]) -> list:
    """A calm track, but for `odd`: a field, where it is odd, and its value there."""
    items = []
    for frame in range(count):
        changes = {name: value for name, (where, value) in odd.items() if frame in where}
        item = replace(CALM, frame=frame, time=frame / 25, object_id=object_id, prompted=frame in prompts)
        items.append(replace(item, **changes))
    return items


def test_a_calm_track_needs_no_look() -> None:
    assert review(track(500)) == []


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"object_score": (range(200, 230), 0.3)}, "object score +0.3"),
        ({"iou": (range(200, 230), 0.1)}, "predicted IoU 0.10"),
        ({"disagreement": (range(200, 230), 0.7), "lead": (range(200, 230), -0.2)}, "differ by 70%"),
        ({"area": (range(200, 500), 9000)}, "grows at once, to 8.9 times"),
        ({"area": (range(200, 500), 0), "object_score": (range(200, 500), -9)}, "vanishes"),
        ({"area": (range(100, 200), 0), "object_score": (range(100, 200), -9)}, "comes back"),
    ],
)
def test_each_sign_leads_to_its_first_frame(odd: dict, words: str) -> None:
    found = {one.frame: one for one in review(track(500, **odd))}
    assert words in found[200].reason
    assert found[200].time == 8.0 and found[200].object_id == 1 and 0.5 < found[200].doubt <= 1


def test_the_first_frame_of_a_long_doubtful_run_is_the_best_one() -> None:
    assert review(track(500, iou=(range(100, 400), 0.3)))[0].frame == 100


def test_a_long_run_comes_before_a_short_one() -> None:
    several = track(500, iou=(range(50, 52), 0.3)) + track(500, object_id=7, iou=(range(300, 340), 0.3))
    assert [(one.frame, one.object_id) for one in review(several)] == [(300, 7), (50, 1)]


def test_suggestions_are_spread_out() -> None:
    frames = sorted(one.frame for one in review(track(1000, object_score=(range(1000), 0.0)), 10))
    assert min(np.diff(frames)) >= 20


def test_a_smaller_budget_gives_the_first_ones() -> None:
    rng = np.random.default_rng(0)
    items = [replace(item, iou=float(rng.random())) for item in track(2000)]
    assert review(items, 20)[:5] == review(items, 5)
    assert len(review(items, 20)) == 20


def test_frames_before_the_first_prompt_run_backward_from_it() -> None:
    doubtful = track(500, prompts=(400,), iou=(range(100, 200), 0.3))
    assert review(doubtful, 1)[0].frame == 199


def test_a_prompt_ends_what_a_correction_reaches() -> None:
    """Ten doubtful frames just before a prompt are worth less than ten that are on their own... and no more after."""
    before = track(500, prompts=(0, 105), iou=(range(100, 115), 0.3))
    assert [one.frame for one in review(before)] == [106, 100]


def test_marked_frames_are_never_suggested() -> None:
    assert review(track(50, prompts=tuple(range(50)), iou=(range(50), 0.0))) == []


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="budget is 0"):
        review([], 0)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_observed(seed: int) -> None:
    random = Random(seed)
    items = [
        Observation(
            frame,
            frame / 10,
            object_id,
            random.choice([0, 3, 900, 5000]),
            random.choice([-math.inf, -9.0, 0.0, 8.0]),
            random.random(),
            random.random(),
            random.choice([-1.0, 0.0, 2.0, math.inf]),
            random.random() < 0.1,
        )
        for frame in random.sample(range(300), 100)
        for object_id in range(1, 2 + seed % 3)
    ]
    budget = 1 + seed
    chosen = review(items, budget)
    places = [(one.frame, one.object_id) for one in chosen]
    assert len(chosen) <= budget and len(set(places)) == len(places)
    prompted = {(item.frame, item.object_id) for item in items if item.prompted}
    assert not prompted & set(places)
    assert all(0 < one.doubt <= 1 for one in chosen)
    random.shuffle(items)
    assert review(items, budget) == chosen


def test_what_a_result_says() -> None:
    masks = {1: np.ones((4, 5), bool), 2: np.zeros((4, 5), bool)}
    result = FrameResult(3, 0.5, masks, {1: 0.9, 2: 0.2}, {1: 4.0, 2: -4.0}, {1: 0.0, 2: 0.6}, {1: math.inf, 2: -0.5})
    assert observe(result, {2}) == [
        Observation(3, 0.5, 1, 20, 4.0, 0.9, 0.0, math.inf, False),
        Observation(3, 0.5, 2, 0, -4.0, 0.2, 0.6, -0.5, True),
    ]
