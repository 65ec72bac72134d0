"""Overlaps, shared encodings, published rows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from sam2long.evaluation.datasets.benchmarks import BENCHMARKS
from sam2long.evaluation.datasets.box_dataset import BOX_BENCHMARKS
from sam2long.evaluation.datasets.shared_images import run_together
from sam2long.evaluation.reporting.published import PUBLISHED, published_rows
from sam2long.evaluation.result_files import paint
from sam2long.model import SAM2


def test_pixels_go_to_the_highest_logit_the_first_of_equals_and_only_above_zero() -> None:
    logits = np.array([[[1.0, 5, -1, 0]], [[2.0, 5, -2, 0]]], np.float32)
    assert paint(logits, np.array([4, 9], np.uint8)).tolist() == [[9, 4, 0, 0]]


def test_trackers_side_by_side_encode_every_frame_once(small_model: SAM2) -> None:
    size = small_model.config.image_size
    images = [torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(n)) for n in range(9)]
    encoded: list[int] = []
    real = small_model.encode_image

    class Counting:
        def encode_image(self, image: torch.Tensor) -> object:
            encoded.append(1)
            return real(image)

    seen: list[list[object]] = [[], []]

    def task(number: int) -> object:
        return lambda model: seen[number].extend(model.encode_image(image) for image in images)

    run_together(Counting(), [task(0), task(1)])  # type: ignore[arg-type, list-item]
    assert len(encoded) == 9
    assert all(a is b for a, b in zip(*seen))


def test_a_tracker_that_fails_does_not_leave_the_other_waiting(small_model: SAM2) -> None:
    size = small_model.config.image_size

    def endless(model: SAM2) -> None:
        while True:
            model.encode_image(torch.zeros(1, 3, size, size))

    def failing(model: SAM2) -> None:
        raise ValueError("no picture")

    with pytest.raises(ValueError, match="no picture"):
        run_together(small_model, [endless, failing])


def test_published_rows_belong_to_data_sets_there_are_and_add_up() -> None:
    titles = {item.title for item in BENCHMARKS.values()} | {item.title for item in BOX_BENCHMARKS.values()}
    assert {row.dataset for row in PUBLISHED} <= titles
    for row in PUBLISHED:
        if row.j is not None and row.f is not None:
            assert row.score == pytest.approx((row.j + row.f) / 2, abs=0.101)


def test_rows_go_with_their_evaluator() -> None:
    assert {row.rule for row in published_rows("VOST val", "sav")} == {"sav"}
    assert [row.score for row in published_rows("LVOS v2 val", "lvos") if row.method == "SAM2.1Long-L"] == [85.9]


def test_the_page_lists_every_published_row() -> None:
    page = (Path(__file__).parents[2] / "docs" / "published.md").read_text(encoding="utf-8")
    sources = dict(re.findall(r"^(\d+)\. (.+)$", page, re.MULTILINE))
    rows = re.findall(r"^\| (.+?) \| (.+?) \| ([\d.]+) \| .* \| (\d+) \|$", page, re.MULTILINE)
    listed = [(dataset, method, float(score), sources[number]) for dataset, method, score, number in rows]
    assert sorted(listed) == sorted((row.dataset, row.method, row.score, row.source) for row in PUBLISHED)
