"""The heads that judge: what they hear is what the network judges from, and lessons teach them and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sam2long.model.checkpoint import fresh_model
from sam2long.training import calibration
from sam2long.training.augment import make_rows
from sam2long.training.calibration import Lessons, calibrate, collect, teach
from sam2long.training.clips import ClipDataset
from sam2long.training.loop import ALONE, draw_memory
from sam2long.training.prompts import draw_prompts
from sam2long.training.rollout import roll_out

from .tiny import STAGE, TINY


def test_lessons_are_what_the_heads_are_given() -> None:
    model, stage = fresh_model(TINY, 0), replace(STAGE, steps=1, reuse=1, clips=4)
    lessons = collect(model, stage, 0, ALONE)
    assert len(lessons.scenes) == stage.clips * stage.objects * (stage.frames - 1)
    seed = calibration._SEED
    generator = torch.Generator().manual_seed(seed)
    rows = make_rows(ClipDataset(stage, seed, ALONE)[0], stage.objects, TINY, generator)
    with torch.no_grad():
        prompts = draw_prompts(rows.masks[:, 0], stage.prompts, generator)
        _, *later = roll_out(model, rows, prompts, memory=draw_memory(stage, generator))
        predicted = model.mask_decoder.iou_head(lessons.quality).sigmoid()
        scores = model.mask_decoder.object_score_head(lessons.presence).squeeze(1)
    torch.testing.assert_close(predicted, torch.cat([frame.proposals.ious for frame in later]))
    torch.testing.assert_close(scores, torch.cat([frame.proposals.object_scores for frame in later]))
    assert torch.equal(lessons.present, rows.masks[:, 1:].flatten(2).any(2).T.flatten())
    # The two clips of a scene must not be taught and held out apart.
    assert torch.equal(lessons.scenes, (rows.clips // 2).repeat(stage.frames - 1))


def made_up(count: int = 4000) -> Lessons:
    """Frames whose IoU and presence follow from one number each of what the heads see."""
    generator = torch.Generator().manual_seed(0)
    quality, presence = torch.randn(2, count, TINY.dim, generator=generator)
    ious = quality[:, :1].sigmoid().expand(-1, 4)
    return Lessons(quality, presence, ious, presence[:, 0] > -1, torch.arange(count) // 100)


def test_heads_learn_to_judge_scenes_they_were_not_taught() -> None:
    before, after = teach(fresh_model(TINY, 0), made_up())
    assert after.loss < 0.5 * before.loss
    assert (after.absent, after.rank) > (0.9, 0.9)


def test_nothing_but_the_heads_learns() -> None:
    model = fresh_model(TINY, 0)
    teach(model, made_up())
    untaught = fresh_model(TINY, 0).state_dict()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, untaught[name])}
    assert {name.split(".")[1] for name in changed} == {"iou_head", "object_score_head"}


def test_heads_that_judge_worse_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_RATE", 100.0)
    before, after = teach(fresh_model(TINY, 0), made_up())
    assert after.loss <= before.loss


def test_each_head_keeps_its_own_best() -> None:
    """Presence is drawn by lot here, so the head that tells it soon gets worse, while the other goes on learning."""
    lessons = made_up()
    by_lot = torch.rand(len(lessons.present), generator=torch.Generator().manual_seed(1)) < 0.9
    _, after = teach(fresh_model(TINY, 0), replace(lessons, present=by_lot))
    assert after.rank > 0.99


@pytest.mark.parametrize("processes", [1, 2])
def test_a_team_collects_and_one_learns(processes: int) -> None:
    model, stage = fresh_model(TINY, 0), replace(STAGE, steps=2, reuse=1, clips=4)
    before, after = calibrate(model, stage, processes, 0)
    assert after.loss <= before.loss
    assert model.mask_decoder.iou_head.layers[0].weight.requires_grad
