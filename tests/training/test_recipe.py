from __future__ import annotations

from dataclasses import replace

import pytest

from sam2long.model.checkpoints.loading import fresh_model
from training.recipe import NANO, RECIPE, scaled
from training.stages import Window


@pytest.mark.parametrize(
    "stage", [part for stage in RECIPE for part in (stage, stage.beside) if part], ids=lambda stage: stage.name
)
def test_stages_make_sense(stage) -> None:
    assert stage.clips % 2 == 0, "a team of two must be able to share it"
    assert stage.image_size % 32 == 0
    assert stage.prompts.mask + stage.prompts.box <= 1
    assert stage.window.coasted < (stage.window.frames or 1)
    assert stage.beside is None or stage.beside.image_size == stage.image_size
    assert stage.tuned_blocks <= sum(NANO.trunk.depths)


def test_what_learns_is_part_of_the_network() -> None:
    parts = {name.split(".")[0] for name, _ in fresh_model(NANO).named_parameters()}
    assert {name for stage in RECIPE for name in stage.learning} <= parts


def test_names_are_told_apart() -> None:
    assert len({stage.name for stage in RECIPE}) == len(RECIPE)


@pytest.mark.parametrize(
    ("window", "runs"),
    [
        (Window(), [11]),
        (Window(4), [4, 4, 3]),
        (Window(4, coasted=3), [1, 2, 1, 3, 1, 3]),
        (Window(1), [1] * 11),
    ],
)
def test_frames_that_are_treated_alike_run_together(window: Window, runs: list[int]) -> None:
    assert window.runs(11) == runs


def test_nano_is_small() -> None:
    assert sum(parameter.numel() for parameter in fresh_model(NANO).parameters()) < 6_000_000


def test_scaling_changes_the_steps_alone() -> None:
    for half, stage in zip(scaled(RECIPE, 0.5), RECIPE, strict=True):
        assert abs(half.steps * 2 - stage.steps) <= 1
        assert replace(half, steps=stage.steps) == stage
