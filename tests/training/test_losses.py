from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sam2long.model import MaskProposals
from training.data.coverage import area_fraction
from training.losses import (
    answered_ious,
    balanced_cross_entropy,
    dice_loss,
    edge_loss,
    focal_loss,
    frame_loss,
    iou_cross_entropy,
    true_ious,
)
from training.rollout import FrameProposals
from training.stages import LossWeights

WEIGHTS = LossWeights(cross_entropy=0.0, positive=1.0, focal=20.0)


def map_of(*values: float) -> torch.Tensor:
    """[1, 1, 2, 2]."""
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 2, 2)


def test_balanced_cross_entropy_by_hand() -> None:
    loss = balanced_cross_entropy(map_of(0.0, 0.0, 2.0, -2.0), map_of(1, 0, 1, 0), positive=5.0)
    sure = math.log1p(math.exp(-2))
    assert loss.item() == pytest.approx((5 * math.log(2) + math.log(2) + 5 * sure + sure) / 4, rel=1e-5)


def test_focal_loss_by_hand() -> None:
    loss = focal_loss(map_of(0.0, 0.0, 2.0, -2.0), map_of(1, 0, 1, 0))
    wrong = 1 - 1 / (1 + math.exp(-2))
    sure = wrong**2 * math.log1p(math.exp(-2))
    expected = (0.25 * 0.25 * math.log(2) + 0.75 * 0.25 * math.log(2) + 0.25 * sure + 0.75 * sure) / 4
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_dice_loss_by_hand() -> None:
    loss = dice_loss(map_of(0.0, 0.0, 0.0, 0.0), map_of(1, 1, 0, 0))
    assert loss.item() == pytest.approx(1 - (2 * 1 + 1) / (2 + 2 + 1))


def test_edge_loss_is_the_mean_over_pixels_near_the_edge() -> None:
    truth = torch.zeros(2, 64, 64, dtype=torch.bool)
    truth[0, 20:50, 8:40] = True
    truth[1, 40:44, 30:60] = True
    logits = torch.randn(2, 16, 16, generator=torch.Generator().manual_seed(0))
    shown = torch.nn.functional.interpolate(logits[:, None], scale_factor=4, mode="bilinear")[:, 0]
    for row, loss in enumerate(edge_loss(logits, truth).tolist()):
        losses = []
        for y in range(64):
            for x in range(64):
                around = truth[row, max(0, y - 6) : y + 7, max(0, x - 6) : x + 7]
                if around.any() and not around.all():
                    chance = 1 / (1 + math.exp(-float(shown[row, y, x])))
                    losses.append(-math.log(chance if truth[row, y, x] else 1 - chance))
        assert loss == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_an_edge_costs_for_the_best_mask_alone() -> None:
    truth = torch.zeros(1, 16, 16, dtype=torch.bool)
    truth[:, :8] = True
    right = (area_fraction(truth, 4) * 2 - 1)[:, None] * 3
    frame = proposals(torch.cat([-right, right, -right, -right], 1), [0.5] * 4, 3.0, [True] * 4)
    plain = frame_loss(frame, truth, WEIGHTS).total
    with_edge = frame_loss(frame, truth, replace(WEIGHTS, edge=2.0)).total
    assert (with_edge - plain).item() == pytest.approx(2 * edge_loss(right[:, 0], truth).item(), rel=1e-5)


def test_true_iou_counts_cells_that_are_mostly_covered() -> None:
    assert true_ious(map_of(1, 1, 1, -1), map_of(0.6, 0.4, 1, 1)).item() == pytest.approx(2 / 4)
    assert true_ious(map_of(-1, -1, -1, -1), map_of(0, 0, 0, 0.3)).item() == 1


def test_area_fraction() -> None:
    truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    truth[0, :2, :4] = True
    assert area_fraction(truth, 2).tolist() == [[[0.5, 0.0], [0.0, 0.0]]]


def proposals(masks: torch.Tensor, ious: list[float], score: float, eligible: list[bool]) -> FrameProposals:
    rows = len(masks)
    return FrameProposals(
        MaskProposals(masks, torch.tensor([ious] * rows), torch.zeros(rows, 4, 8), torch.full((rows,), score)),
        torch.tensor([eligible] * rows),
    )


def half_truth() -> torch.Tensor:
    truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    truth[:, :, :4] = True
    return truth


def test_only_the_best_eligible_mask_is_supervised() -> None:
    right = torch.tensor([[9.0, -9.0], [9.0, -9.0]])
    masks = torch.stack([right, -right, right * 0, -right])[None].requires_grad_()
    loss = frame_loss(proposals(masks, [0.5] * 4, 1.0, [False, True, True, True]), half_truth(), WEIGHTS)
    loss.total.backward()
    assert masks.grad is not None
    assert masks.grad[0].flatten(1).any(1).tolist() == [False, False, True, False]


def test_absent_objects_supervise_the_object_score_alone() -> None:
    masks = torch.zeros(1, 4, 2, 2, requires_grad=True)
    loss = frame_loss(
        proposals(masks, [0.5] * 4, 2.0, [False, True, True, True]), torch.zeros(1, 8, 8, dtype=torch.bool), WEIGHTS
    )
    assert loss.total.item() == pytest.approx(math.log1p(math.exp(2)))
    loss.total.backward()
    assert masks.grad is None or not masks.grad.any()


def test_iou_error_is_the_mean_over_eligible_masks() -> None:
    right = torch.tensor([[9.0, -9.0], [9.0, -9.0]])
    masks = torch.stack([right, right, -right, right])[None]
    loss = frame_loss(proposals(masks, [0.0, 0.9, 0.2, 0.7], 9.0, [False, True, True, True]), half_truth(), WEIGHTS)
    assert loss.iou_error.item() == pytest.approx((0.1 + 0.2 + 0.3) / 3)
    assert loss.overlap.item() == 1


def test_an_absent_object_is_answered_well_by_nothing_alone() -> None:
    scores, present = torch.tensor([3.0, -3.0, 3.0, -3.0]), torch.tensor([True, True, False, False])
    ious = torch.tensor([[0.9, 0.8], [0.9, 0.8], [0.0, 1.0], [0.0, 1.0]])
    answered = answered_ious(ious, scores, present)
    assert torch.equal(answered, torch.tensor([[0.9, 0.8], [0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))


@pytest.mark.parametrize(("score", "right"), [(3.0, 0.0), (-3.0, 1.0)])
def test_predicted_ious_may_be_those_of_the_answer(score: float, right: float) -> None:
    nothing = torch.zeros(1, 16, 16, dtype=torch.bool)
    frame = proposals(torch.ones(1, 4, 4, 4), [0.9, 0.25, 0.75, 0.5], score, [False, True, True, True])
    silent = frame_loss(frame, nothing, WEIGHTS)
    taught = frame_loss(frame, nothing, replace(WEIGHTS, answered=True))
    assert silent.iou_error.item() == 0
    assert taught.iou_error.item() == pytest.approx(sum(abs(iou - right) for iou in (0.25, 0.75, 0.5)) / 3)
    taught_by = iou_cross_entropy(torch.tensor([0.25, 0.75, 0.5]), torch.full((3,), right)).mean()
    assert (taught.total - silent.total).item() == pytest.approx(taught_by.item(), rel=1e-5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_the_expected_iou_is_the_best_prediction(outcomes: list[float]) -> None:
    """Unlike the median, which the L1 distance asks for."""
    true = torch.tensor(outcomes)
    tried = torch.linspace(0, 1, 1001)[:, None]
    best = tried[iou_cross_entropy(tried, true).mean(1).argmin()]
    assert best.item() == pytest.approx(sum(outcomes) / len(outcomes), abs=2e-3)


def test_a_right_prediction_costs_nothing_and_a_wrong_one_is_not_infinite() -> None:
    costs = iou_cross_entropy(torch.tensor([0.3, 0.0, 1.0, 0.0]), torch.tensor([0.3, 0.0, 1.0, 1.0]))
    assert costs[:3].tolist() == pytest.approx([0, 0, 0], abs=2e-3)
    assert 0 < costs[3] < 10


def test_frames_without_the_object_weigh_more_in_presence() -> None:
    proposals = MaskProposals(
        torch.zeros(2, 4, 4, 4), torch.full((2, 4), 0.5), torch.zeros(2, 4, 8), torch.tensor([1.0, 2.0])
    )
    truth = torch.zeros(2, 16, 16, dtype=torch.bool)
    truth[0, :8] = True
    loss = frame_loss(FrameProposals(proposals, torch.ones(2, 4, dtype=torch.bool)), truth, LossWeights(absent=3.0))
    assert loss.presence.item() == pytest.approx((math.log1p(math.exp(-1)) + 3 * math.log1p(math.exp(2))) / 2)
