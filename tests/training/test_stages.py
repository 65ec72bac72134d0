from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sam2long.model.checkpoints.loading import fresh_model
from sam2long.synthetic.kinds import KINDS
from training.curricula import CURRICULA, scaled
from training.data.clips import CLIPS_PER_SCENE, SCENE_FRAMES
from training.nano import NANO
from training.stages import Window


@pytest.mark.parametrize("name", CURRICULA)
def test_stages_can_be_rendered(name: str) -> None:
    for stage in CURRICULA[name]:
        assert {kind for kind, _ in stage.kinds} <= set(KINDS)
        spans = np.random.default_rng(0).choice(stage.strides, (500, stage.frames - 1)).sum(1)
        assert (spans < SCENE_FRAMES).mean() > 0.9, "clips that fit must be common"
        assert stage.clips % (2 * CLIPS_PER_SCENE) == 0, "a team of two must be able to share it"
        assert 0 < stage.crop[0] <= stage.crop[1] <= 1
        assert stage.prompts.mask + stage.prompts.box <= 1


@pytest.mark.parametrize("size", sorted({stage.image_size for stages in CURRICULA.values() for stage in stages}))
def test_windows_divide_the_maps(size: int) -> None:
    for stage, window in enumerate(NANO.trunk.windows):
        assert size // (4 * 2**stage) % window == 0


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
    for half, stage in zip(scaled(CURRICULA["cpu"], 0.5), CURRICULA["cpu"], strict=True):
        assert abs(half.steps * 2 - stage.steps) <= 1
        assert replace(half, steps=stage.steps) == stage
