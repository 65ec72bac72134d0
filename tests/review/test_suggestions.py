"""Which frames are proposed for a look: scripted tracks with one thing wrong at a known place."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from sam2long.errors import ConfigError
from sam2long.results import FrameResult
from sam2long.review.doubt import Observed, doubts_of, usual_iou
from sam2long.review.suggestions import (
    BASE_RATE,
    FAILURE_RATE,
    LEAST_CHANCE,
    RECOVERY_RATE,
    Observation,
    observe,
    review,
)

CALM = Observation(0, 0.0, 1, 1000, 9.0, 0.9, 0.0, math.inf, False)


def track(count: int, object_id: int = 1, prompts: tuple[int, ...] = (0,), **odd: tuple[range, float]) -> list:
    """A calm track, but for `odd`: a field, where it is odd, and its value there."""
    items = []
    for frame in range(count):
        changes = {name: value for name, (where, value) in odd.items() if frame in where}
        item = replace(CALM, frame=frame, time=frame / 25, object_id=object_id, prompted=frame in prompts)
        items.append(replace(item, **changes))
    return items


def test_a_short_calm_track_needs_no_look() -> None:
    assert review(track(60)) == []


def test_a_long_calm_track_is_looked_at_in_the_middle() -> None:
    first = review(track(501), 1)[0]
    assert first.frame == 250
    assert first.reason == "nothing unusual, but not checked for 250 frames"
    assert first.doubt < 0.2


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"object_score": (range(200, 220), 0.3)}, "object score +0.3"),
        ({"iou": (range(200, 220), 0.1)}, "predicted IoU 0.10"),
        ({"disagreement": (range(200, 220), 0.7), "lead": (range(200, 220), -0.2)}, "differ by 70%"),
        ({"area": (range(200, 500), 9000)}, "suddenly grows to "),
        ({"area": (range(200, 500), 0), "object_score": (range(200, 500), -9)}, "the object vanishes"),
        ({"area": (range(100, 200), 0), "object_score": (range(100, 200), -9)}, "the object comes back"),
        ({"new_scene": (range(200, 201), True)}, "a new scene begins"),
    ],
)
def test_each_sign_is_seen_and_named(odd: dict, words: str) -> None:
    first = review(track(500, **odd))[0]
    assert 200 <= first.frame <= 220
    assert words in first.reason
    assert first.time == first.frame / 25 and first.object_id == 1 and 0.1 < first.doubt <= 1


def test_the_look_is_behind_the_crisis_and_the_reason_says_where_it_was() -> None:
    """Prompts among doubtful frames would not hold; behind them the object has come through, or been swapped."""
    first = review(track(500, iou=(range(200, 220), 0.2), area=(range(206, 207), 8000)), 1)[0]
    assert 218 <= first.frame <= 220
    late = review(track(500, area=(range(210, 212), 9000)), 1)[0]
    assert late.frame > 212
    assert late.reason.startswith("on frame 21")


def test_no_lead_no_rival() -> None:
    near = track(300, disagreement=(range(100, 110), 0.9), lead=(range(100, 110), 0.0))
    far = track(300, disagreement=(range(100, 110), 0.9), lead=(range(100, 110), 8.0))
    assert review(near, 1)[0].doubt > 0.5 > review(far, 1)[0].doubt


def test_worse_and_longer_troubles_come_first() -> None:
    several = [
        *track(300, object_id=1, iou=(range(100, 105), 0.3)),
        *track(300, object_id=2, iou=(range(100, 125), 0.3)),
        *track(300, object_id=3, iou=(range(100, 105), 0.6)),
    ]
    assert [one.object_id for one in review(several, 3)] == [2, 1, 3]


def test_suggestions_are_spread_out() -> None:
    frames = sorted(one.frame for one in review(track(1000, object_score=(range(1000), 0.0)), 10))
    assert min(np.diff(frames)) >= 20 and frames[-1] - frames[0] > 500


def test_a_smaller_budget_gives_the_first_ones() -> None:
    rng = np.random.default_rng(0)
    items = [replace(item, iou=float(rng.random())) for item in track(2000)]
    assert review(items, 20)[:5] == review(items, 5)
    assert len(review(items, 20)) == 20


def test_frames_before_the_first_prompt_run_backward_from_it() -> None:
    first = review(track(500, prompts=(400,), iou=(range(150, 170), 0.3)), 1)[0]
    assert 149 <= first.frame <= 151


def test_a_prompt_takes_the_worth_from_what_is_before_it() -> None:
    doubtful = track(500, prompts=(0, 125), iou=(range(100, 120), 0.3))
    free = track(500, object_id=2, iou=(range(100, 120), 0.3))
    assert next(one.object_id for one in review([*doubtful, *free], 2) if one.frame < 130) == 2


def test_it_is_what_its_documentation_says() -> None:
    """Against the plain definition: chance of being wrong times the frames that a correction would hold."""
    rng = np.random.default_rng(3)
    count = 120
    items = [replace(item, iou=float(rng.random())) for item in track(count)]
    names = ("area", "object_score", "iou", "disagreement", "lead", "new_scene")
    numbers = np.array([[getattr(item, name) for name in names] for item in items], float).T
    seen = Observed(*numbers)
    doubts = doubts_of(seen, usual_iou(seen.area, seen.iou))
    failure = 1 - (1 - BASE_RATE) * (1 - FAILURE_RATE * doubts.value)
    stays = 1 - RECOVERY_RATE
    marks, expected = [0], []
    for _ in range(5):
        worth = []
        for frame in range(count):
            wrong = 0.0
            for each in range(max(mark for mark in marks if mark <= frame) + 1, frame + 1):
                wrong = 1 - (1 - wrong * stays) * (1 - failure[each])
            end = min([mark for mark in marks if mark > frame], default=count)
            holds = 1 + sum(np.prod(stays * (1 - failure[frame + 1 : each + 1])) for each in range(frame + 1, end))
            worth.append(0 if frame in marks or wrong < LEAST_CHANCE else wrong * holds)
        best = int(np.argmax(worth))
        marks.append(best)
        expected.append(best)
    assert [one.frame for one in review(items, 5)] == expected


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
