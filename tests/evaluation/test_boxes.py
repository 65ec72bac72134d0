"""Box measures against plain loops and hand-made sequences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sam2long.errors import DatasetError
from sam2long.evaluation.datasets.box_dataset import read_boxes
from sam2long.evaluation.scoring.boxes import BoxTrack, Got10kRule, LasotRule, mask_box


def track(pred: np.ndarray, truth: np.ndarray, visible: np.ndarray | None = None, **settings: object) -> BoxTrack:
    visible = np.ones(len(truth), bool) if visible is None else visible
    return BoxTrack("cat-1", np.array(pred, float), np.array(truth, float), visible, **settings)  # type: ignore[arg-type]


def plain_iou(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    return inter / (a[2] * a[3] + b[2] * b[3] - inter)


def plain_lasot(pred: np.ndarray, truth: np.ndarray, visible: np.ndarray, hit_if_absent: bool) -> tuple[float, ...]:
    """AUC, P and P_norm of one sequence, frame by frame."""
    boxes = [truth[0]]
    for row in range(1, len(truth)):
        boxes.append(boxes[-1] if 0 in pred[row, 2:] else pred[row])
    hits, near, near_relative = np.zeros(21), 0, 0
    for box, true, seen in zip(boxes, truth, visible):
        if not (seen and true[2] > 0 and true[3] > 0):
            near_relative += hit_if_absent or seen
            continue
        hits += [plain_iou(box, true) > step / 20 for step in range(21)]
        dx = box[0] + (box[2] - 1) / 2 - true[0] - (true[2] - 1) / 2
        dy = box[1] + (box[3] - 1) / 2 - true[1] - (true[3] - 1) / 2
        near += np.hypot(dx, dy) <= 20
        near_relative += np.hypot(dx / true[2], dy / true[3]) <= 0.2
    return tuple(100 * np.array([hits.mean(), near, near_relative]) / len(truth))


@pytest.mark.parametrize("strict", [True, False])
def test_lasot_figures_agree_with_plain_loops(strict: bool) -> None:
    rng = np.random.default_rng(0)
    tracks, expected = [], []
    for _ in range(5):
        truth = np.hstack([rng.integers(0, 60, (30, 2)), rng.integers(0, 40, (30, 2))]).astype(float)
        truth[0, 2:] = 10
        pred = np.maximum(truth + rng.integers(-8, 9, (30, 4)), 0)
        pred[rng.random(30) < 0.2, 2] = 0
        visible = rng.random(30) < 0.8
        tracks.append(track(pred, truth, visible))
        expected.append(plain_lasot(pred, truth, visible, hit_if_absent=not strict))
    figures = LasotRule(strict).figures(tracks)
    assert [figures[name] for name in ("AUC", "P", "P_norm")] == pytest.approx(np.mean(expected, axis=0), abs=1e-9)


def test_a_perfect_track_misses_only_the_last_threshold() -> None:
    truth = np.tile([5.0, 5, 10, 10], (4, 1))
    figures = LasotRule().figures([track(truth, truth)])
    assert figures["AUC"] == pytest.approx(100 * 20 / 21)
    assert figures["P"] == figures["P_norm"] == figures["OP75"] == 100


def test_absent_frames_are_misses_but_hits_for_the_normalised_precision_of_lasot_ext() -> None:
    truth = np.tile([5.0, 5, 10, 10], (4, 1))
    half = track(truth, truth, np.array([True, True, False, False]))
    assert LasotRule().figures([half])["P_norm"] == LasotRule().figures([half])["P"] == 50
    assert LasotRule(strict=False).figures([half])["P_norm"] == 100


def test_lengths_and_impossible_boxes() -> None:
    truth = np.tile([5.0, 5, 10, 10], (4, 1))
    assert LasotRule().figures([track(np.tile(truth[:1], (9, 1)), truth)])["P"] == 100
    with pytest.raises(DatasetError, match="3 predicted boxes for 4"):
        LasotRule().figures([track(truth[:3], truth)])
    assert LasotRule(strict=False).figures([track(truth[:3], truth)])["P"] == 100
    with pytest.raises(DatasetError, match="negative"):
        LasotRule().figures([track(truth * [1, 1, -1, 1], truth)])
    with pytest.raises(DatasetError, match="predicted boxes"):
        Got10kRule().figures([track(truth[:3], truth)])


def test_got10k_weighs_frames_and_leaves_out_the_first_and_the_covered() -> None:
    truth = np.tile([0.0, 0, 10, 10], (5, 1))
    pred = np.array([[90, 90, 5, 5], [0, 0, 10, 10], [0, 0, 10, 6], [90, 90, 5, 5], [-5, 0, 15, 10]], float)
    one = track(pred, truth, np.array([True, True, True, False, True]), size=(12, 10))
    short = track(np.tile([0.0, 0, 10, 8], (2, 1)), truth[:2], size=(12, 10))
    figures = Got10kRule().figures([one, short])
    overlaps = [1, 0.6, 10 / 12, 0.8]
    assert figures["AO"] == pytest.approx(100 * np.mean(overlaps))
    assert (figures["SR50"], figures["SR75"]) == (100, 75)


def test_boxes_of_masks_run_from_first_to_last_pixel_without_adding_one() -> None:
    mask = np.zeros((20, 30), bool)
    assert mask_box(mask) == (0, 0, 0, 0)
    mask[4:9, 10:21] = True
    assert mask_box(mask) == (10, 4, 10, 4)


@pytest.mark.parametrize("text", ["1,2,3,4\n5,6,7,8\n", "1\t2\t3\t4\n5 6 7 8\n"])
def test_boxes_are_read_with_any_separator(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert read_boxes(tmp_path / "a.txt").tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


@pytest.mark.parametrize("text", ["", "1,2,3\n", "1,2,3,x\n", "1,2,3,4\n5,6\n"])
def test_what_is_no_file_of_boxes_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"a\.txt"):
        read_boxes(tmp_path / "a.txt")
