"""What plots and strips show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sam2long.evaluation.datasets.benchmarks import BENCHMARKS
from sam2long.evaluation.datasets.dataset import open_dataset
from sam2long.evaluation.experiment import VariantResult
from sam2long.evaluation.reporting.plots import scores_over_time
from sam2long.evaluation.reporting.report import telling_videos
from sam2long.evaluation.reporting.strips import draw_strip, error_boxes
from sam2long.evaluation.scoring.rules import ObjectScore
from sam2long.evaluation.scoring.scoring import Measured
from sam2long.evaluation.variants import single
from sam2long.tree import TreeConfig
from tests.evaluation import layouts
from tests.evaluation.folders import save_video


def item(video: str, *scores: float) -> ObjectScore:
    values = np.array(scores)
    return ObjectScore(video, 1, values, values, tuple(map(str, range(len(scores)))))


def result(*items: ObjectScore) -> VariantResult:
    return VariantResult(single(TreeConfig())[0], (Measured("sav", "SA-V", {}, items),))


def test_time_is_cut_into_equal_parts_in_which_objects_weigh_the_same() -> None:
    assert scores_over_time([item("a", 1, 1, 0, 0)], bins=2).tolist() == [100, 0]
    assert scores_over_time([item("a", 1, 0)], bins=4).tolist() == [100, 100, 0, 0]
    assert scores_over_time([item("a", *[1] * 40), item("b", 0, 1)], bins=2).tolist() == [50, 100]


def test_videos_with_the_largest_gains_and_losses_are_shown() -> None:
    before = result(*(item(f"v{n}", 0.5) for n in range(9)))
    after = result(*(item(f"v{n}", n / 10) for n in range(9)))
    assert [pick.video for pick in telling_videos([before, after])] == ["v8", "v7", "v6", "v2", "v1", "v0"]
    assert telling_videos([before, after])[0].caption == "v8: J&F +30.0"
    assert [pick.video for pick in telling_videos([result(item("only", 0.5))])] == ["only"]


def test_regions_are_boxed_but_not_outlines() -> None:
    region = np.zeros((60, 80), bool)
    region[10:20, 30:45] = True
    region[40:41, 5:70] = True
    assert error_boxes(region) == [(30, 10, 15, 10)]


@pytest.mark.parametrize(("name", "layout"), [("davis-2016", layouts.davis_2016), ("sav-val", layouts.sav_val)])
def test_strips_have_a_row_for_the_truth_and_one_a_method(tmp_path: Path, name: str, layout: object) -> None:
    dataset = open_dataset(BENCHMARKS[name], layout(tmp_path))  # type: ignore[operator]
    strip = draw_strip(dataset, dataset.videos[0], [dataset.masks])
    truth, method = strip.picture[: strip.picture.shape[0] // 2 - 2], strip.picture[strip.picture.shape[0] // 2 + 2 :]
    np.testing.assert_array_equal(truth, method)
    assert len(strip.frames) == 5


def test_missing_objects_are_boxed_in_yellow(tmp_path: Path) -> None:
    dataset = open_dataset(BENCHMARKS["davis-2016"], layouts.davis_2016(tmp_path))
    nothing = np.zeros((40, 60), np.uint8)
    save_video(tmp_path / "pred", "bear", {f"{n:05d}": nothing for n in range(5)})
    picture = draw_strip(dataset, "bear", [tmp_path / "pred"]).picture.astype(int)
    yellow = (picture[..., 0] > 180) & (picture[..., 1] > 150) & (picture[..., 2] < 90)
    assert yellow[: picture.shape[0] // 2].sum() == 0 and yellow[picture.shape[0] // 2 :].sum() > 50
