"""Evaluators against values counted by hand and a second, naive implementation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sam2long.errors import DatasetError
from sam2long.evaluation.datasets.layout import video_names
from sam2long.evaluation.datasets.lvos import LvosRule, read_meta
from sam2long.evaluation.scoring.pairing import Pairing, TruthFormat
from sam2long.evaluation.scoring.rules import DavisRule, Rule, SavRule, VostRule, decay
from sam2long.evaluation.scoring.scoring import Measured, measure
from tests.evaluation import naive
from tests.evaluation.folders import empty, ids, random_video, save, save_video
from tests.evaluation.recorded import INPUTS, RECORDED

SQUARE = ids((1, 10, 10, 20, 20))


def measured(root: Path, rule: Rule, workers: int = 1, **settings: object) -> Measured:
    allow = bool(settings.pop("allow_missing", False))
    form = TruthFormat(all_frames=rule.all_frames, **settings)  # type: ignore[arg-type]
    pairing = Pairing(root / "gt", root / "pred", form, allow)
    return measure(pairing.comparisons(video_names(root / "gt")), [rule], workers)[0]


def store(root: Path, video: str, truth: list[np.ndarray], pred: list[np.ndarray]) -> None:
    for name, images in (("gt", truth), ("pred", pred)):
        save_video(root / name, video, {f"{n:05d}": image for n, image in enumerate(images)})


@pytest.mark.parametrize("workers", [1, 2])
def test_the_recorded_data_set_scores_as_its_evaluator_said(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sam2long.evaluation.reporting.sheet._TOO_FEW_FOR_A_POOL", 0)
    for video in range(2):
        for item in range(2):
            for frame in range(6):
                seed = 1 + 50 * video + 20 * item + frame
                place = f"v{video}/{item:03d}/{4 * frame:05d}.png"
                save(INPUTS.blob(seed, 360, 640), tmp_path / "gt" / place)
                save(INPUTS.blob_prediction(seed, 360, 640).astype(np.uint8), tmp_path / "pred" / place)
    figures = measured(tmp_path, SavRule(), workers).figures
    assert [figures[name] for name in ("J&F", "J", "F")] == pytest.approx(
        RECORDED["sav"]["skip_first_and_last"], abs=1e-9
    )
    pairing = Pairing(tmp_path / "gt", tmp_path / "pred", TruthFormat(all_frames=True))
    everything = [SavRule(all_frames=True)]
    figures = measure(pairing.comparisons(["v0", "v1"]), everything, workers)[0].figures
    assert [figures[name] for name in ("J&F", "J", "F")] == pytest.approx(RECORDED["sav"]["all_frames"], abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_both_drivers_agree_with_the_naive_ones_on_videos_with_late_absent_and_gapped_ids(
    tmp_path: Path, seed: int
) -> None:
    truths = [random_video(10 * seed + v, 7, (1, 2, 5)) for v in range(3)]
    preds = [random_video(10 * seed + v, 7, (1, 2, 5), noise=1) for v in range(3)]
    for number, (truth, pred) in enumerate(zip(truths, preds)):
        store(tmp_path, f"video{number}", truth, pred)
        truth[0][0, 0] = pred[1][0, 0] = 5
        store(tmp_path, f"video{number}", truth, pred)
    figures = measured(tmp_path, SavRule()).figures
    assert (figures["J"], figures["F"]) == pytest.approx(naive.sav(preds, truths), abs=1e-9)
    objects = naive.davis(preds, truths)
    figures = measured(tmp_path, DavisRule(), ignored=255).figures
    assert figures["J"] == pytest.approx(100 * np.mean([np.mean(j) for j, _ in objects]), abs=1e-9)
    assert figures["F"] == pytest.approx(100 * np.mean([np.mean(f) for _, f in objects]), abs=1e-9)
    assert figures["J recall"] == pytest.approx(100 * np.mean([np.mean(np.array(j) > 0.5) for j, _ in objects]))
    vost = measured(tmp_path, VostRule(), ignored=255).figures
    assert vost["J"] == pytest.approx(figures["J"], abs=1e-9)
    assert vost["J_tr"] == pytest.approx(100 * np.mean([np.mean(j[3:]) for j, _ in objects]), abs=1e-9)


def test_late_objects_count_for_sav_and_not_for_davis(tmp_path: Path) -> None:
    late = ids((1, 10, 10, 20, 20), (2, 25, 30, 35, 40))
    store(tmp_path, "a", [SQUARE, SQUARE, late, late, late], [SQUARE, SQUARE, SQUARE, late, SQUARE])
    sav, davis = measured(tmp_path, SavRule()), measured(tmp_path, DavisRule(extra_ids_allowed=True))
    assert [(item.object_id, item.mean_j, len(item.j)) for item in sav.objects] == [(1, 1.0, 3), (2, 0.5, 2)]
    assert [(item.object_id, item.mean_j, len(item.j)) for item in davis.objects] == [(1, 1.0, 3)]


def test_gaps_in_the_ids_score_against_emptiness_for_davis_and_not_at_all_for_sav(tmp_path: Path) -> None:
    three = np.where(SQUARE == 1, 3, 0).astype(np.uint8)
    both = three + ids((2, 30, 30, 35, 35))
    store(tmp_path, "a", [three] * 4, [three, both, three, three])
    assert [(item.object_id, item.mean_j) for item in measured(tmp_path, SavRule()).objects] == [(3, 1.0)]
    assert [item.mean_j for item in measured(tmp_path, DavisRule()).objects] == [1.0, 0.5, 1.0]


def test_a_prediction_before_the_truth_starts_the_count_for_sav(tmp_path: Path) -> None:
    store(tmp_path, "a", [empty(), empty(), empty(), SQUARE, SQUARE], [empty(), empty(), SQUARE, SQUARE, empty()])
    assert measured(tmp_path, SavRule()).objects[0].j.tolist() == [0.0, 1.0]


def test_255_is_an_object_for_sav_and_background_for_davis_and_vost(tmp_path: Path) -> None:
    truth = SQUARE + ids((255, 30, 30, 38, 38))
    store(tmp_path, "a", [truth] * 4, [SQUARE] * 4)
    assert [(item.object_id, item.mean_j) for item in measured(tmp_path, SavRule()).objects] == [(1, 1.0), (255, 0.0)]
    assert [item.object_id for item in measured(tmp_path, SavRule(), ignored=255).objects] == [1]
    assert measured(tmp_path, DavisRule(), ignored=255).figures["J&F"] == 100
    over_void = np.where(truth > 0, 1, 0).astype(np.uint8)
    store(tmp_path, "a", [truth] * 4, [over_void] * 4)
    assert measured(tmp_path, VostRule(), ignored=255).figures["J"] == pytest.approx(100 * 100 / 164)


def test_predicted_ids_too_many_are_refused_by_davis_and_left_out_by_vost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path, "a", [SQUARE] * 4, [SQUARE + ids((2, 30, 30, 35, 35))] * 4)
    with pytest.raises(DatasetError, match="id 2"):
        measured(tmp_path, DavisRule())
    assert measured(tmp_path, VostRule()).figures["J"] == 100
    assert "left out" in capsys.readouterr().err
    assert measured(tmp_path, SavRule()).figures["J"] == 100


def test_decay_is_first_quarter_less_last_with_shared_ends() -> None:
    assert decay(np.array([1, 0.8, 0.6, 0.4, 0.2])) == pytest.approx(0.9 - 0.3)
    assert decay(np.linspace(1, 0, 401)) == pytest.approx(0.75)


def test_black_and_white_masks_of_any_value_are_one_object(tmp_path: Path) -> None:
    store(tmp_path, "a", [SQUARE * 255] * 4, [SQUARE] * 4)
    assert measured(tmp_path, SavRule(), binary=True).figures["J&F"] == 100


def test_grey_bitmap_and_palette_files_mean_the_same(tmp_path: Path) -> None:
    for name in ("00000", "00001", "00002"):
        save(SQUARE, tmp_path / "gt" / "a" / f"{name}.png", palette=False)
        save(SQUARE.astype(bool), tmp_path / "pred" / "a" / f"{name}.png")
    assert measured(tmp_path, SavRule()).figures["J&F"] == 100


LVOS_FRAMES = list(range(1, 52, 5))


def lvos_meta(path: Path, ranges: dict[str, list[tuple[int, int, int, int]]]) -> None:
    videos = {
        video: {
            "objects": {
                str(i): {"frame_range": {"start": str(s), "end": str(e), "frame_nums": str(n)}}
                for i, s, e, n in objects
            }
        }
        for video, objects in ranges.items()
    }
    path.write_text(json.dumps({"videos": videos}), encoding="utf-8")


def test_lvos_agrees_with_the_naive_loop_and_averages_seen_and_unseen_apart(tmp_path: Path) -> None:
    ranges = {"seenvid1": [(1, 1, 56, 11), (2, 21, 56, 7)], "R3UJGYwy": [(1, 6, 41, 7)]}
    lvos_meta(tmp_path / "valid_meta.json", ranges)
    expected = {}
    for seed, video in enumerate(ranges):
        truth, pred = random_video(seed, 11, (1, 2)), random_video(seed, 11, (1, 2), noise=2)
        for name, images in (("gt", truth), ("pred", pred)):
            save_video(tmp_path / name, video, {f"{n:08d}": image for n, image in zip(LVOS_FRAMES, images)})
        numbered = dict(zip(LVOS_FRAMES, pred)), dict(zip(LVOS_FRAMES, truth))
        expected[video] = np.array([naive.lvos_object(*numbered, *item) for item in ranges[video]]).mean(0)
    rule = LvosRule(read_meta(tmp_path / "valid_meta.json"))
    figures = measured(tmp_path, rule).figures
    j, f, v = 50 * (expected["seenvid1"] + expected["R3UJGYwy"])
    assert (figures["J"], figures["F"], figures["V"]) == pytest.approx((j, f, v), abs=1e-9)
    assert figures["J&F"] == pytest.approx((j + f) / 2)
    assert figures["J unseen"] == pytest.approx(100 * expected["R3UJGYwy"][0])
    old = measured(tmp_path, LvosRule(read_meta(tmp_path / "valid_meta.json"), 2022))
    assert [len(item.j) for item in old.objects] == [7, 11, 7]


def test_lvos_frames_that_the_meta_counts_but_does_not_visit_score_zero(tmp_path: Path) -> None:
    lvos_meta(tmp_path / "valid_meta.json", {"v": [(1, 1, 56, 13)]})
    for name in ("gt", "pred"):
        save_video(tmp_path / name, "v", {f"{n:08d}": SQUARE for n in LVOS_FRAMES})
    assert measured(tmp_path, LvosRule(read_meta(tmp_path / "valid_meta.json"))).objects[0].mean_j == 10 / 11
    lvos_meta(tmp_path / "valid_meta.json", {"v": [(1, 1, 56, 10)]})
    with pytest.raises(DatasetError, match="lie in its range"):
        measured(tmp_path, LvosRule(read_meta(tmp_path / "valid_meta.json")))


@pytest.mark.parametrize("content", ["{", "[]", '{"videos": {"v": {}}}'])
def test_a_meta_file_of_another_kind_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "valid_meta.json").write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match="frame_range"):
        read_meta(tmp_path / "valid_meta.json")


def test_missing_predictions_are_an_error_unless_allowed_and_then_empty(tmp_path: Path) -> None:
    store(tmp_path, "a", [SQUARE] * 6, [SQUARE] * 6)
    store(tmp_path, "b", [SQUARE] * 6, [SQUARE] * 6)
    for name in ("a/00000", "a/00005", "b/00003"):
        (tmp_path / "pred" / f"{name}.png").unlink()
    with pytest.raises(DatasetError, match=r"1 predictions.*b.00003"):
        measured(tmp_path, SavRule())
    assert measured(tmp_path, SavRule(), allow_missing=True).figures["J"] == pytest.approx(100 * (1 + 0.75) / 2)


@pytest.mark.parametrize(
    ("truth", "pred", "words"),
    [
        ([SQUARE] * 4, [SQUARE[:, :-1]] * 4, "59x40.*60x40"),
        ([SQUARE] * 2, [SQUARE] * 2, "has 2 masks"),
        ([SQUARE, empty(), empty(), SQUARE], [SQUARE] * 4, "nothing to score"),
        ([np.dstack([SQUARE, 2 * SQUARE, SQUARE])] * 4, [SQUARE] * 4, "colour image"),
        ([SQUARE] * 4, [255 * SQUARE] * 4, "1 in the truth, but 255 in the prediction.*--binary"),
    ],
)
def test_what_cannot_be_scored_says_why(
    tmp_path: Path, truth: list[np.ndarray], pred: list[np.ndarray], words: str
) -> None:
    for name, images in (("gt", truth), ("pred", pred)):
        save_video(tmp_path / name, "a", {f"{n:05d}": i for n, i in enumerate(images)}, palette=images[0].ndim == 2)
    with pytest.raises(DatasetError, match=words):
        measured(tmp_path, SavRule())


def test_folders_an_object_on_one_side_only_are_told_apart(tmp_path: Path) -> None:
    for root, other in (("x", "gt"), ("y", "pred")):
        for number in range(3):
            save(SQUARE, tmp_path / root / other / "a" / f"{number:05d}.png")
            save(SQUARE, tmp_path / root / ({"gt", "pred"} - {other}).pop() / "a" / "000" / f"{number:05d}.png")
        with pytest.raises(DatasetError, match="expected"):
            measured(tmp_path / root, SavRule())


def test_an_object_of_several_values_in_its_own_folder_is_refused(tmp_path: Path) -> None:
    for name in ("gt", "pred"):
        for number in range(3):
            save(SQUARE + ids((7, 30, 30, 35, 35)), tmp_path / name / "a" / "000" / f"{number:05d}.png")
    with pytest.raises(DatasetError, match="one object"):
        measured(tmp_path, SavRule())


def test_ids_above_255_are_ids_too(tmp_path: Path) -> None:
    wide = SQUARE.astype(np.uint16) * 700
    store(tmp_path, "a", [wide] * 4, [wide] * 4)
    assert [(item.object_id, item.mean_j) for item in measured(tmp_path, SavRule()).objects] == [(700, 1.0)]
