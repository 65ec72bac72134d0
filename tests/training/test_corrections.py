"""Clicks in the middle of a training clip, and prompts that are said to lie further back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import sam2long
from sam2long.model import SAM2
from sam2long.model.checkpoints.loading import fresh_model
from sam2long.model.decoder import mask_decoder
from sam2long.model.decoder.prompt_encoder import Label
from training import rollout
from training.data.augment import Rows, normalise
from training.data.prompts import Prompts, draw_corrections
from training.loop import draw_correction, draw_lead, draw_refinement
from training.remembering import RolledMemory
from training.rollout import NO_REFINEMENT, Correction, FrameProposals, Refinement, roll_out

from .tiny import STAGE, TINY

SIZE = TINY.image_size


@pytest.fixture(scope="module")
def model() -> SAM2:
    return fresh_model(TINY, 0)


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Two objects of one clip of four frames; the second is gone on frame 2."""
    generator = torch.Generator().manual_seed(0)
    masks = torch.zeros(2, 4, SIZE, SIZE, dtype=torch.bool)
    masks[0, :, 10:30, 10:30] = True
    masks[1, :, 40:60, 20:50] = True
    masks[1, 2] = False
    return Rows(torch.randn(1, 4, 3, SIZE, SIZE, generator=generator), masks, torch.zeros(2, dtype=torch.int64))


NO_CLICKS = Prompts(2, torch.zeros(0, 1, 2), torch.zeros(0, 1, dtype=torch.int64))


@torch.no_grad()
def rolled(model: SAM2, rows: Rows, frame: int | None, lead: int = 0) -> list[FrameProposals]:
    correction = None if frame is None else Correction(frame, torch.Generator().manual_seed(1))
    return list(roll_out(model, rows, NO_CLICKS, correction, RolledMemory(lead=lead)))


def same(one: FrameProposals, other: FrameProposals, row: int) -> bool:
    return torch.equal(one.proposals.masks[row], other.proposals.masks[row])


def test_clicks_lie_where_the_mask_is_wrong() -> None:
    truth = torch.zeros(3, SIZE, SIZE, dtype=torch.bool)
    truth[:, 8:40, 8:40] = True
    predicted = torch.full((3, SIZE // 4, SIZE // 4), -5.0)
    predicted[1, 2:10, 2:10] = 5.0
    predicted[2] = 5.0
    shown = torch.nn.functional.interpolate(predicted[:, None], size=(SIZE, SIZE), mode="bilinear")[:, 0] > 0
    for seed in range(10):
        points, labels = draw_corrections(predicted, truth, torch.Generator().manual_seed(seed))
        for row, ((x, y), label) in enumerate(zip(points[:, 0].long().tolist(), labels[:, 0], strict=True)):
            assert label == (Label.POSITIVE if truth[row, y, x] else Label.NEGATIVE)
            assert shown[row, y, x] != truth[row, y, x]


def test_nothing_wrong_gets_a_click_inside() -> None:
    truth = torch.zeros(1, SIZE, SIZE, dtype=torch.bool)
    truth[0, :, :32] = True
    predicted = torch.where(torch.arange(SIZE // 4) < SIZE // 8, 5.0, -5.0).expand(1, SIZE // 4, -1)
    points, labels = draw_corrections(predicted, truth, torch.Generator().manual_seed(0))
    x, y = points[0, 0].long().tolist()
    assert truth[0, y, x]
    assert labels.item() == Label.POSITIVE


def test_a_correction_changes_its_frame_and_what_follows(model: SAM2, rows: Rows) -> None:
    plain, corrected = rolled(model, rows, None), rolled(model, rows, 1)
    assert len(corrected) == len(plain) == 4
    assert same(plain[0], corrected[0], row=0)
    assert not any(same(plain[frame], corrected[frame], row=0) for frame in (1, 2, 3))


def test_rows_without_their_object_are_not_corrected(model: SAM2, rows: Rows) -> None:
    plain, corrected = rolled(model, rows, None), rolled(model, rows, 2)
    assert not same(plain[2], corrected[2], row=0)
    assert same(plain[2], corrected[2], row=1)
    torch.testing.assert_close(plain[3].proposals.masks[1], corrected[3].proposals.masks[1])


def test_clicks_on_the_first_frame_are_answered_as_in_use(model: SAM2, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[torch.Tensor, torch.Tensor]] = []

    def draw(*given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        drawn.append(draw_corrections(*given))
        return drawn[-1]

    monkeypatch.setattr(rollout, "draw_corrections", draw)
    # In use, an unstable mask is replaced by one of the other three; in training, as SAM 2's, it is not.
    monkeypatch.setattr(mask_decoder, "_STABILITY_THRESHOLD", 0.0)
    image = np.random.default_rng(5).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    truth = torch.zeros(1, 1, SIZE, SIZE, dtype=torch.bool)
    truth[..., 10:30, 12:40] = True
    clip = normalise(torch.from_numpy(image)[None, None], model.config.mean, model.config.std)
    prompts = Prompts(0, torch.tensor([[[20.0, 15.0]]]), torch.tensor([[int(Label.POSITIVE)]]))
    refinement = Refinement(3, torch.Generator().manual_seed(2))
    with torch.no_grad():
        rows = Rows(clip, truth, torch.zeros(1, dtype=torch.int64))
        (frame,) = roll_out(model, rows, prompts, refinement=refinement)
    logits = torch.nn.functional.interpolate(frame.chosen_masks()[:, None], (SIZE, SIZE), mode="bilinear")[0, 0]
    assert len(drawn) == 3
    session = sam2long.Session(model, image[None])
    session.add_points(0, 1, [(20.0, 15.0)])
    for points, labels in drawn:
        session.add_points(0, 1, points[0].tolist(), labels[0].tolist())
    assert 0 < session.preview(0, 1).mask.sum() < SIZE * SIZE
    np.testing.assert_array_equal(session.preview(0, 1).mask, logits.numpy() > 0)


def test_corrected_frames_are_remembered_as_prompted_ones() -> None:
    maps = [torch.zeros(2, 4, 1, 1) for _ in range(4)]
    memory = RolledMemory(maps, [torch.zeros(2, 4) for _ in range(4)], corrected=(1, torch.tensor([True, False])))
    assert memory.gather(7, 16).slots.tolist() == [[0, 1, 2, 0], [0, 1, 2, 3]]


def test_the_lead_moves_the_prompt_alone() -> None:
    maps, pointers = [torch.zeros(1, 4, 1, 1)] * 3, [torch.zeros(1, 4)] * 3
    near, far = (RolledMemory(maps, pointers, lead=lead).gather(7, 16).times * 15 for lead in (0, 60))
    assert near.tolist() == [pytest.approx([3, 1, 2])]
    assert far.tolist() == [pytest.approx([63, 1, 2])]


def test_how_often_there_is_one() -> None:
    generator = torch.Generator().manual_seed(0)
    stage = replace(STAGE, frames=5, corrected=0.5)
    drawn = [draw_correction(stage, generator) for _ in range(400)]
    assert {one.frame for one in drawn if one} == {1, 2, 3}
    assert 160 < sum(one is not None for one in drawn) < 240
    assert draw_correction(replace(stage, frames=2, corrected=1.0), generator) is None
    leads = [draw_lead(generator) for _ in range(400)]
    assert 160 < sum(lead > 0 for lead in leads) < 240


def test_how_often_the_first_frame_is_refined() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = [draw_refinement(replace(STAGE, refined=0.5), generator) for _ in range(400)]
    assert {one.clicks for one in drawn} == {0, 1, 2, 3}
    assert 160 < sum(one is not NO_REFINEMENT for one in drawn) < 240
