from __future__ import annotations

import math

import pytest
import torch

from sam2long.model import MaskProposals
from sam2long.training.coverage import area_fraction
from sam2long.training.losses import (
    balanced_cross_entropy,
    dice_loss,
    focal_loss,
    frame_loss,
    true_ious,
)
from sam2long.training.rollout import FrameProposals
from sam2long.training.stages import LossWeights

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
