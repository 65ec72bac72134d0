"""Corrects predicted IoUs by what came true, in a few numbers, and teaches the correction to the head.

A head has thousands of weights and a few dozen clips hold few independent mistakes: fitted to them as it is, it learns
the clips by heart. Three numbers cannot, and the head follows them closely, because that takes no truth.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2long.model import SAM2
from training.calibration.records import Records
from training.losses import answered_ious

_BATCH = 512


@dataclass(frozen=True)
class Correction:
    """Changes logits of predicted IoUs, those of all masks of a call alike: which one is best does not change.

    Attributes:
        scale: factor.
        doubt: what is taken off per unit of the object score below 0, softly.
        offset: what is added.
    """

    scale: float
    doubt: float
    offset: float

    def __call__(self, logits: Tensor, object_scores: Tensor) -> Tensor:
        """Corrected logits [rows, masks], of logits [rows, masks] and object scores [rows]."""
        return self.scale * logits - self.doubt * _absence(object_scores)[:, None] + self.offset


@dataclass(frozen=True)
class Calibration:
    """What was fitted, and how well.

    Attributes:
        correction: of the predicted IoU.
        before, after: cross-entropy of the predicted IoU of chosen masks, with the first head and with the fitted one.
        error: mean difference between the logits of the fitted head and the corrected ones of the first.
    """

    correction: Correction
    before: float
    after: float
    error: float


def calibrate(
    model: SAM2, tracked: Records, prompted: Records, absent: float, steps: int, rate: float, seed: int = 0
) -> Calibration:
    """Fit the head of the predicted IoU in place; all other weights stay as they are.

    Args:
        model: the network.
        tracked: what it did on long clips.
        prompted: what it answered to prompts; the head must go on saying the same of it.
        absent: weight of frames without the object, where saying nothing is right.
        steps: of the head.
        rate: its learning rate at the first step; it falls to 0.
        seed: of the batches.
    """
    decoder = model.mask_decoder
    with torch.no_grad():
        logits, scores = decoder.iou_head(tracked.iou_tokens), decoder.object_score_head(tracked.object_tokens)[:, 0]
        kept = decoder.iou_head(prompted.iou_tokens)
    correction, before = fit_correction(logits, scores, tracked, absent)
    tokens = torch.cat([tracked.iou_tokens, prompted.iou_tokens])
    wanted = torch.cat([correction(logits, scores), kept])
    share = torch.cat([torch.full((len(part),), 1 / len(part)) for part in (tracked, prompted)])
    _teach(model, tokens, wanted, share, steps, rate, seed)
    with torch.no_grad():
        fitted = decoder.iou_head(tokens)
    after = _cross_entropy(fitted[: len(tracked)], scores, tracked, absent)
    return Calibration(correction, before, float(after), float((fitted - wanted).abs().mean()))


def fit_correction(logits: Tensor, object_scores: Tensor, records: Records, absent: float) -> tuple[Correction, float]:
    """The correction of least cross-entropy, and that without one.

    Args:
        logits: [rows, 4], of predicted IoUs.
        object_scores: [rows].
        records: the truth of these rows.
        absent: weight of frames without the object.
    """
    numbers = torch.tensor([1.0, 0.0, 0.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([numbers], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        scale, doubt, offset = numbers
        corrected = scale * logits - doubt * _absence(object_scores)[:, None] + offset
        return _cross_entropy(corrected, object_scores, records, absent)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        torch.autograd.backward(value)
        return value

    before = float(loss().detach())
    optimizer.step(closure)
    return Correction(*numbers.tolist()), before


def _absence(object_scores: Tensor) -> Tensor:
    """By how much object scores lie below 0, softly: half the softplus of minus twice the score."""
    return F.softplus(-2 * object_scores) / 2


def _cross_entropy(logits: Tensor, object_scores: Tensor, records: Records, absent: float) -> Tensor:
    """Mean over clips of the cross-entropy of the chosen masks; `absent` weighs frames without the object."""
    rows = torch.arange(len(records))
    chosen = logits.detach().masked_fill(~records.eligible, -torch.inf).argmax(1)
    answered = answered_ious(records.ious, object_scores, records.present)
    losses = F.binary_cross_entropy_with_logits(logits[rows, chosen], answered[rows, chosen], reduction="none")
    weights = torch.where(records.present, 1.0, absent)
    _, places = records.clips.unique(return_inverse=True)
    weights = weights / torch.bincount(places, weights)[places].clamp(min=1e-6)
    return (weights * losses).sum() / weights.sum()


def _teach(model: SAM2, tokens: Tensor, wanted: Tensor, share: Tensor, steps: int, rate: float, seed: int) -> None:
    """Let the head say `wanted` [rows, 4] of `tokens` [rows, dim]; `share` [rows] is how often each is drawn."""
    head = copy.deepcopy(model.mask_decoder.iou_head).requires_grad_(True)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(head.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    for _ in range(steps):
        batch = torch.multinomial(share, _BATCH, replacement=True, generator=generator)
        optimizer.zero_grad()
        torch.autograd.backward(F.smooth_l1_loss(head(tokens[batch]), wanted[batch]))
        optimizer.step()
        schedule.step()
    model.mask_decoder.iou_head.load_state_dict(head.state_dict())
