from __future__ import annotations

import math

import numpy as np
import pytest

from sam2long.errors import UserError
from sam2long.evaluation import boundary_accuracy, boundary_map, j_and_f, region_similarity, sequence_scores
from tests.evaluation.recorded import INPUTS, RECORDED


def box(y0: int, y1: int, x0: int, x1: int) -> np.ndarray:
    mask = np.zeros((480, 854), bool)
    mask[y0:y1, x0:x1] = True
    return mask


SQUARE = box(100, 200, 100, 200)
HAND_MADE = [
    (SQUARE, SQUARE, 1.0, 1.0),
    (box(100, 200, 108, 208), SQUARE, 0.851852, 1.0),
    (box(100, 200, 109, 209), SQUARE, 0.834862, 0.54),
    (box(100, 200, 120, 220), SQUARE, 0.666667, 0.485),
    (box(109, 209, 109, 209), SQUARE, 0.706630, 0.085),
    (box(0, 0, 0, 0), SQUARE, 0.0, 0.0),
    (box(0, 480, 0, 854), box(0, 480, 0, 854), 1.0, 1.0),
    (box(0, 480, 0, 854), box(0, 479, 0, 853), 0.996748, 0.0),
    (box(380, 480, 754, 854), box(360, 480, 734, 854), 0.694444, 0.0),
    (box(100, 110, 100, 110), box(105, 106, 105, 106), 0.01, 1.0),
]


@pytest.mark.parametrize(("pred", "truth", "j", "f"), HAND_MADE)
def test_hand_made_masks_score_as_the_published_evaluators_say(
    pred: np.ndarray, truth: np.ndarray, j: float, f: float
) -> None:
    score = j_and_f(pred, truth)
    assert score.j == pytest.approx(j, abs=1e-6)
    assert score.f == pytest.approx(f, abs=1e-6)


def test_recorded_frames_score_the_same() -> None:
    for case in RECORDED["frames"]:
        size = (case["seed"], case["height"], case["width"])
        pred, truth = INPUTS.blob_prediction(*size), INPUTS.blob(*size)
        assert region_similarity(pred, truth) == pytest.approx(case["J"], abs=1e-9), case
        assert boundary_accuracy(pred, truth) == pytest.approx(case["F"], abs=1e-9), case
        assert j_and_f(pred, truth).j_and_f == pytest.approx((case["J"] + case["F"]) / 2, abs=1e-9), case


@pytest.mark.parametrize(("skip", "key"), [(True, "skip_first_and_last"), (False, "all_frames")])
def test_sequences_average_as_the_recorded_data_set_does(skip: bool, key: str) -> None:
    scores = []
    for first_seed in (1 + 50 * video + 20 * item for video in range(2) for item in range(2)):
        seeds = range(first_seed, first_seed + 6)
        pairs = ((INPUTS.blob_prediction(s, 360, 640), INPUTS.blob(s, 360, 640)) for s in seeds)
        scores.append(sequence_scores(pairs, skip_first=skip, skip_last=skip))
    means = [100 * np.mean([getattr(score, name) for score in scores]) for name in ("j_and_f", "j", "f")]
    assert means == pytest.approx(RECORDED["sav"][key], abs=1e-6)


def test_frames_count_only_from_the_first_appearance_on() -> None:
    empty = box(0, 0, 0, 0)
    pairs = [(SQUARE, SQUARE), (empty, empty), (empty, SQUARE), (empty, empty), (SQUARE, SQUARE), (empty, SQUARE)]
    score = sequence_scores(pairs)
    assert (score.j, score.f, score.j_and_f, score.frames) == (2 / 3, 2 / 3, 2 / 3, 3)


def test_a_sequence_without_frames_that_count_has_no_score() -> None:
    empty = box(0, 0, 0, 0)
    for pairs in ([], [(SQUARE, SQUARE)], [(SQUARE, SQUARE)] * 2, [(empty, empty)] * 5):
        score = sequence_scores(pairs)
        assert score.frames == 0 and math.isnan(score.j_and_f)


def test_boundary_map_follows_the_rule_pixel_by_pixel() -> None:
    mask = np.random.default_rng(0).random((7, 9)) < 0.4
    expected = np.zeros_like(mask)
    for y in range(7):
        for x in range(9):
            neighbours = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            if y == 6:
                neighbours = [(y, x + 1)]
            elif x == 8:
                neighbours = [(y + 1, x)]
            expected[y, x] = any(v < 9 and u < 7 and mask[u, v] != mask[y, x] for u, v in neighbours)
    assert (boundary_map(mask) == expected).all()


def test_boundary_accuracy_agrees_with_plain_distances_at_the_image_edges() -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        y0, x0, y1, x1 = rng.integers(0, 40, 4)
        pred, truth = np.zeros((2, 60, 50), bool)
        pred[y0 : y0 + 25, x0 : x0 + 20] = True
        truth[y1 : y1 + 25, x1 : x1 + 20] = True
        assert boundary_accuracy(pred, truth) == pytest.approx(f_by_distances(pred, truth), abs=1e-12)


def f_by_distances(pred: np.ndarray, truth: np.ndarray) -> float:
    pred_points, truth_points = np.argwhere(boundary_map(pred)), np.argwhere(boundary_map(truth))
    radius = math.ceil(0.008 * math.hypot(*pred.shape))
    near = ((pred_points[:, None] - truth_points[None]) ** 2).sum(-1) <= radius**2
    precision, recall = near.any(1).mean(), near.any(0).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_masks_of_another_shape_or_type_are_refused() -> None:
    with pytest.raises(UserError, match="one shape"):
        j_and_f(SQUARE, SQUARE[:-1])
    with pytest.raises(UserError, match="bool"):
        region_similarity(SQUARE.astype(np.uint8), SQUARE)
