"""SAM 2's losses (arXiv 2408.00714, section D.2.2), and a balanced cross-entropy to start with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.coverage import area_fraction
from training.rollout import FrameProposals
from training.stages import LossWeights

_FOCAL_ALPHA, _FOCAL_GAMMA = 0.25, 2.0
_SURE = 1e-3
"""A predicted IoU nearer to 0 or 1 than this is as good as certain."""
_EDGE = 6
"""Pixels of the network's image on either side of the true edge."""


@dataclass(frozen=True)
class FrameLoss:
    """Loss of one frame and figures for the log, all scalars.

    Attributes:
        total: weighted sum, averaged over all rows, whether they show their object or not.
        masks: its part that comes from mask pixels, averaged over rows that show their object.
        iou_error: mean L1 between predicted and true IoU.
        presence: cross-entropy of the object score.
        overlap: true IoU of the masks the network chose, averaged over rows whose object shows.
        judged: fraction of rows whose presence the object score gets right.
    """

    total: Tensor
    masks: Tensor
    iou_error: Tensor
    presence: Tensor
    overlap: Tensor
    judged: Tensor

    def detached(self) -> FrameLoss:
        """The same figures without their history."""
        return FrameLoss(*(value.detach() for value in vars(self).values()))


def frame_loss(frame: FrameProposals, truth: Tensor, weights: LossWeights) -> FrameLoss:
    """Loss of one frame.

    Only the eligible mask of lowest loss is supervised, but the predicted IoU of all of them. Rows without the object
    supervise the object score alone, unless `weights.answered`.

    Args:
        frame: proposals of all rows.
        truth: bool [rows, size, size].
        weights: of the parts.
    """
    present = truth.flatten(1).any(1)
    shown = present.float()
    count = shown.sum().clamp(min=1)
    logits = frame.proposals.masks.float()
    coverage = area_fraction(truth, logits.shape[-1])[:, None].expand_as(logits)
    per_mask = mask_losses(logits, coverage, weights)
    least, best = per_mask.masked_fill(~frame.eligible, torch.inf).min(1)
    if weights.edge:
        least = least + weights.edge * edge_loss(logits[torch.arange(len(best), device=best.device), best], truth)
    masks = least * shown
    ious = true_ious(logits, coverage)
    scores = frame.proposals.object_scores.float()
    judged = answered_ious(ious, scores, present) if weights.answered else ious
    eligible = frame.eligible * (torch.ones_like(shown) if weights.answered else shown)[:, None]
    predicted = frame.proposals.ious.float()
    iou_error = _mean_of((predicted - judged).abs(), eligible)
    iou_loss = _mean_of(iou_cross_entropy(predicted, judged), eligible)
    presence = F.binary_cross_entropy_with_logits(scores, shown, torch.where(present, 1.0, weights.absent))
    chosen = ious.gather(1, frame.chosen()[:, None]).squeeze(1)
    return FrameLoss(
        total=masks.mean() + weights.iou * iou_loss * eligible.any(1).float().mean() + weights.presence * presence,
        masks=masks.detach().sum() / count,
        iou_error=iou_error.detach(),
        presence=presence.detach(),
        overlap=(chosen * shown).sum() / count,
        judged=((scores > 0) == present).float().mean(),
    )


def _mean_of(values: Tensor, eligible: Tensor) -> Tensor:
    return (values * eligible).sum() / eligible.sum().clamp(min=1)


def mean_loss(losses: Sequence[FrameLoss]) -> FrameLoss:
    """Every part averaged over frames."""
    return FrameLoss(
        *(torch.stack(parts).mean() for parts in zip(*(vars(loss).values() for loss in losses), strict=True))
    )


def mask_losses(logits: Tensor, coverage: Tensor, weights: LossWeights) -> Tensor:
    """Weighted mask loss of every mask: [rows, masks], of logits and true coverage [rows, masks, side, side]."""
    losses = weights.dice * dice_loss(logits, coverage)
    if weights.focal:
        losses = losses + weights.focal * focal_loss(logits, coverage)
    if weights.cross_entropy:
        losses = losses + weights.cross_entropy * balanced_cross_entropy(logits, coverage, weights.positive)
    return losses


def balanced_cross_entropy(logits: Tensor, coverage: Tensor, positive: float) -> Tensor:
    """Cross-entropy [rows, masks] in which covered cells weigh `positive` times as much, averaged over cells."""
    weight = torch.tensor(positive, device=logits.device)
    losses = F.binary_cross_entropy_with_logits(logits, coverage, reduction="none", pos_weight=weight)
    return losses.flatten(2).mean(2)


def focal_loss(logits: Tensor, coverage: Tensor) -> Tensor:
    """Focal loss [rows, masks] (arXiv 1708.02002; alpha 0.25, gamma 2), averaged over cells."""
    probability = logits.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(logits, coverage, reduction="none")
    wrong = (probability - coverage).abs()
    alpha = _FOCAL_ALPHA * coverage + (1 - _FOCAL_ALPHA) * (1 - coverage)
    return (alpha * wrong**_FOCAL_GAMMA * entropy).flatten(2).mean(2)


def edge_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy [rows] of the mask as a user gets it, averaged over pixels near the true edge.

    Args:
        logits: [rows, mask_size, mask_size].
        truth: bool [rows, size, size].
    """
    inside = truth[:, None].float()
    near = _near_edge(truth)[:, None].float()
    shown = F.interpolate(logits[:, None], size=truth.shape[-2:], mode="bilinear")
    losses = F.binary_cross_entropy_with_logits(shown, inside, reduction="none") * near
    return losses.flatten(1).sum(1) / near.flatten(1).sum(1).clamp(min=1)


def _near_edge(truth: Tensor) -> Tensor:
    """Where the square of `_EDGE` pixels all around holds both values of masks, bool [rows, size, size]."""
    return _widened(_widened(truth, 1), 2) & _widened(_widened(~truth, 1), 2)


def _widened(masks: Tensor, dim: int) -> Tensor:
    """Masks grown by `_EDGE` pixels both ways along a dimension."""
    # Spans of 2, 4, 8 and 13 pixels, each of two of the one before: far cheaper on a CPU than any pooling.
    grown = F.pad(masks, (0, 0, _EDGE, _EDGE) if dim == 1 else (_EDGE, _EDGE))
    reach, span = 2 * _EDGE + 1, 1
    while span < reach:
        step = min(span, reach - span)
        kept = grown.shape[dim] - step
        grown = grown.narrow(dim, 0, kept) | grown.narrow(dim, step, kept)
        span += step
    return grown


def dice_loss(logits: Tensor, coverage: Tensor) -> Tensor:
    """Dice loss [rows, masks], smoothed by one cell."""
    probability, coverage = logits.sigmoid().flatten(2), coverage.flatten(2)
    overlap = 2 * (probability * coverage).sum(2)
    return 1 - (overlap + 1) / (probability.sum(2) + coverage.sum(2) + 1)


def iou_cross_entropy(predicted: Tensor, true: Tensor) -> Tensor:
    """Cross-entropy of predicted IoUs, elementwise, less its least value; smallest at the expected IoU.

    SAM 2 takes the L1 distance, smallest at the median: where the object and its twin are about as likely, that says
    all is well, and the tree, which adds up logarithms, believes it.
    """
    good = predicted.clamp(_SURE, 1 - _SURE)
    least = torch.xlogy(true, true) + torch.xlogy(1 - true, 1 - true)
    return least - true * good.log() - (1 - true) * (1 - good).log()


@torch.no_grad()
def true_ious(logits: Tensor, coverage: Tensor) -> Tensor:
    """IoU [rows, masks] of the masks (logits > 0) with the cells that are mostly covered; 1 where both are empty."""
    predicted, true = (logits > 0).flatten(2), (coverage > 0.5).flatten(2)
    union = (predicted | true).sum(2)
    overlap = (predicted & true).sum(2)
    return torch.where(union > 0, overlap / union.clamp(min=1), torch.ones_like(overlap, dtype=torch.float32))


@torch.no_grad()
def answered_ious(ious: Tensor, scores: Tensor, present: Tensor) -> Tensor:
    """IoU of what a user gets [rows, masks]: nothing where the object is judged absent, which is right where it is.

    SAM 2 leaves the predicted IoU of absent objects to chance; but the tree remembers and prefers what is predicted to
    be good, so it must not be fooled by a good mask of something else.

    Args:
        ious: [rows, masks], true IoU of the masks, 0 where the object is absent and the mask is not empty.
        scores: [rows], object scores.
        present: bool [rows].
    """
    return torch.where(scores[:, None] > 0, ious, (~present).to(ious.dtype)[:, None])
