"""The mask of a hypothesis on a frame, to be reported if the hypothesis wins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2long.results.soft_mask import SoftMask
from sam2long.tracking.prompting.prompts import FrameSize
from sam2long.tracking.storage.packing import PackedMask, pack, to_steps, unpack_logits, unpack_mask, unpack_steps

MOST_DENSE = 64 << 20
"""Size in bytes of one frame's masks above which they are packed immediately, and unpacked one by one."""


@dataclass(slots=True)
class Outcome:
    """The mask of one object on one frame, final or still one of several hypotheses.

    Attributes:
        logits: [mask_size, mask_size] mask logits; None once `compact` has packed them.
        iou: predicted IoU, 0..1.
        object_score: a logit; > 0 means visible.
        disagreement: largest 1 - IoU between the masks of any two surviving pathways on this frame, 0..1.
        lead: cumulative score (sum of log predicted IoUs) of this hypothesis minus that of the best other one on this
            frame; negative if another one led, infinite if there was no other.
        pointer: [dim] object pointer; None in an outcome that is only reported, such as one read from the store.
        packed: mask and logits in a few kilobytes, once they are packed.
    """

    logits: Tensor | None
    iou: float
    object_score: float
    disagreement: float = 0.0
    lead: float = math.inf
    pointer: Tensor | None = None
    packed: PackedMask | None = None
    _mask: npt.NDArray[np.bool_] | None = None

    def full_logits(self, size: FrameSize) -> Tensor:
        """Mask logits at the video's resolution: float32 [height, width]."""
        if self.logits is not None:
            logits = self.logits.float()
        else:
            assert self.packed is not None
            logits = unpack_logits(self.packed.logits)
        shape = (size.height, size.width)
        return F.interpolate(logits[None, None], size=shape, mode="bilinear", align_corners=False)[0, 0]

    def soft_mask(self, size: FrameSize) -> SoftMask:
        """The logits in the steps that sessions store; may be called from another thread than the tracker's."""
        logits = self.logits  # read once: the tracker sets it to None after it has packed it
        if logits is not None:
            return SoftMask(to_steps(logits), size.height, size.width)
        assert self.packed is not None
        return SoftMask(unpack_steps(self.packed.logits), size.height, size.width)

    def mask(self, size: FrameSize) -> npt.NDArray[np.bool_]:
        """The mask at the video's resolution: bool [height, width]."""
        if self.packed is not None:
            return unpack_mask(self.packed.mask, size)
        if self._mask is None:
            self._mask = (self.full_logits(size) > 0).cpu().numpy()
        return self._mask

    def pack(self, size: FrameSize, exact: bool) -> PackedMask:
        """Mask and logits in a few kilobytes; the mask is exact, the logits only if `exact`."""
        if self.packed is not None:
            return self.packed
        assert self.logits is not None
        return pack(self.mask(size), self.logits, exact)


def fetch_masks(outcomes: Sequence[Outcome], size: FrameSize) -> None:
    """Copy the masks of several outcomes to the CPU in one transfer, where `Outcome.mask` would take one per mask."""
    missing = [outcome for outcome in outcomes if outcome.packed is None and outcome._mask is None]
    if missing:
        masks = torch.stack([outcome.full_logits(size) > 0 for outcome in missing]).cpu().numpy()
        for outcome, mask in zip(missing, masks, strict=True):
            # A copy, so that a reference to one mask does not keep all others alive.
            outcome._mask = mask.copy()


def compact(outcomes: Sequence[Outcome], size: FrameSize, exact: bool) -> None:
    """Replace masks and logits by their packed form, with two transfers per group whose masks fit `MOST_DENSE`."""
    at_a_time = max(1, MOST_DENSE // (size.height * size.width))
    for first in range(0, len(outcomes), at_a_time):
        _compact(outcomes[first : first + at_a_time], size, exact)


def _compact(outcomes: Sequence[Outcome], size: FrameSize, exact: bool) -> None:
    loose = [(outcome, outcome.logits) for outcome in outcomes if outcome.logits is not None]
    if loose:
        fetch_masks([outcome for outcome, _ in loose], size)
        on_host = torch.stack([logits for _, logits in loose]).cpu()
        for (outcome, _), logits in zip(loose, on_host, strict=True):
            outcome.packed = pack(outcome.mask(size), logits, exact)
            outcome.logits = outcome._mask = None
