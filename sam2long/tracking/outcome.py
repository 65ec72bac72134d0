"""What tracking keeps of a hypothesis: the memory it leaves, and the mask it would report."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from torch import Tensor

from sam2long.tracking.packing import PackedMask, pack, unpack_logits, unpack_mask
from sam2long.tracking.prompts import FrameSize


@dataclass(frozen=True)
class Remembered:
    """What later frames attend to: `map` [memory_dim, grid, grid] and `pointer` [dim]."""

    map: Tensor
    pointer: Tensor


@dataclass
class Outcome:
    """The mask of one object on one frame, while it may still be reported.

    Attributes:
        logits: [size / 4, size / 4] mask logits; None once `compact` has packed them.
        iou: predicted IoU, 0..1.
        object_score: a logit; > 0 means visible.
        disagreement: largest 1 - IoU between the masks of any two surviving pathways on this frame, 0..1.
        lead: cumulative score (sum of logarithms of predicted IoUs) of this hypothesis less that of the best other one
            on this frame; negative where another one led, infinite where there was no other.
        pointer: [dim] object pointer; None in an outcome that is only to be reported.
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
        """Mask logits at the video's resolution: [height, width]."""
        if self.logits is not None:
            logits = self.logits.float()
        else:
            assert self.packed is not None
            logits = unpack_logits(self.packed.logits)
        shape = (size.height, size.width)
        return F.interpolate(logits[None, None], size=shape, mode="bilinear", align_corners=False)[0, 0]

    def mask(self, size: FrameSize) -> npt.NDArray[np.bool_]:
        """The mask at the video's resolution: bool [height, width]."""
        if self.packed is not None:
            return unpack_mask(self.packed.mask, size)
        if self._mask is None:
            self._mask = (self.full_logits(size) > 0).cpu().numpy()
        return self._mask

    def compact(self, size: FrameSize, exact: bool) -> None:
        """Pack mask and logits, for frames that stay undecided for long: the mask exactly, the logits if asked."""
        self.packed = self.pack(size, exact)
        self.logits = self._mask = None

    def pack(self, size: FrameSize, exact: bool) -> PackedMask:
        """Mask and logits as `compact` leaves them."""
        if self.packed is not None:
            return self.packed
        assert self.logits is not None
        return pack(self.mask(size), self.logits, exact)
