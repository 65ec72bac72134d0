"""The mask of prompts on their own frame, before propagation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor


@dataclass(frozen=True)
class Preview:
    """The mask of one object's prompts on one frame, without propagation.

    Attributes:
        mask: bool [height, width] at the video's resolution.
        logits: float32 [height, width] at the video's resolution, > 0 inside, on the network's device.
        score: predicted IoU, 0..1 (1 for a mask prompt).
        object_score: a logit; > 0 means visible.
    """

    mask: npt.NDArray[np.bool_]
    logits: Tensor
    score: float
    object_score: float
