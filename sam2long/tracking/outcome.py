"""What tracking keeps of a hypothesis: the memory it leaves, and the mask it would report."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from torch import Tensor

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
        logits: [size / 4, size / 4] mask logits; None once `compact` has packed the mask.
        iou: predicted IoU, 0..1.
        object_score: a logit; > 0 means visible.
        disagreement: largest 1 - IoU between the masks of any two surviving pathways on this frame, 0..1.
        lead: cumulative score (sum of the logarithms of predicted IoUs) of this hypothesis less that of the best other one
            on this frame; negative where another one led, infinite where there was no other.
    """

    logits: Tensor | None
    iou: float
    object_score: float
    disagreement: float = 0.0
    lead: float = math.inf
    packed: bytes = b""

    def full_logits(self, size: FrameSize) -> Tensor:
        """Mask logits at the video's resolution: [height, width]. Not available after `compact`."""
        assert self.logits is not None
        shape = (size.height, size.width)
        return F.interpolate(self.logits[None, None].float(), size=shape, mode="bilinear", align_corners=False)[0, 0]

    def mask(self, size: FrameSize) -> npt.NDArray[np.bool_]:
        """The mask at the video's resolution: bool [height, width]."""
        if self.logits is not None:
            full: npt.NDArray[np.bool_] = (self.full_logits(size) > 0).cpu().numpy()
            return full
        bits = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        return np.unpackbits(bits, count=size.height * size.width).reshape(size.height, size.width).astype(bool)

    def compact(self, size: FrameSize) -> None:
        """Pack the final mask into a few kilobytes, for frames that stay undecided for long. Nothing changes in it."""
        if self.logits is not None:
            self.packed = zlib.compress(np.packbits(self.mask(size)).tobytes(), level=1)
            self.logits = None
