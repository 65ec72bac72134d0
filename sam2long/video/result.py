"""What tracking says about one frame: the data class that writers take in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class FrameResult:
    """Masks and scores of every object that lives on one frame; all dictionaries are keyed by object id.

    Attributes:
        frame: frame number in the video, from 0.
        time: presentation time in seconds.
        masks: bool [height, width] at the video's resolution; all False where the object is not visible.
        scores: IoU the model predicts for the mask, 0..1 (1 for a mask the user gave).
        object_scores: object score, a logit; > 0 means visible.
        disagreement: how far the surviving pathways' masks differ on this frame, the largest 1 - IoU of any two, 0..1.
        leads: by how much the reported pathway's cumulative score led the best other one on this frame: negative where
            another one led at the time, infinite where all agreed or the user gave the mask.
        logits: float32 [height, width] mask logits (> 0 inside), only when the session was asked to keep them.
    """

    frame: int
    time: float
    masks: dict[int, npt.NDArray[np.bool_]]
    scores: dict[int, float]
    object_scores: dict[int, float]
    disagreement: dict[int, float]
    leads: dict[int, float] = field(default_factory=dict)
    logits: dict[int, torch.Tensor] = field(default_factory=dict)
