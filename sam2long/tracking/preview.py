"""What prompts mean, before anything is propagated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor


@dataclass(frozen=True)
class Preview:
    """What the prompts of one object on one frame mean, without propagating.

    Attributes:
        mask: bool [height, width] at the video's resolution.
        logits: float32 [height, width], > 0 inside, on the network's device.
        score: predicted IoU, 0..1 (1 for a mask prompt).
        object_score: a logit; > 0 means visible.
    """

    mask: npt.NDArray[np.bool_]
    logits: Tensor
    score: float
    object_score: float
