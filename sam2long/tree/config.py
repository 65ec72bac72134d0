"""Hyperparameters of the memory tree (SAM2Long, arXiv 2410.16268, section 4.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sam2long.errors import ConfigError

MOST_PATHWAYS = 100
"""Far beyond what improves results; time per frame and memory grow with the number of pathways."""


@dataclass(frozen=True)
class TreeConfig:
    """How many hypotheses to keep, which frames serve as memory, and when to keep diverse hypotheses.

    Attributes:
        pathways: hypotheses per object, 1 to 100.
        iou_threshold: a frame serves as memory only if its predicted IoU is above this (0..1) and the object is
            visible; None always uses the latest frames, which is SAM 2's rule.
        uncertainty_threshold: a frame is uncertain if the object scores (logits) of all pathways lie within this
            distance of 0; its survivors are then chosen to be diverse.
        modulation: factors that scale the attention keys of the least and the most confident memory (by object score),
            with those in between evenly spaced; None leaves the keys unscaled.
        merge: lazy pathways: pathways whose masks have agreed on this many visited frames in a row, at least 1, become
            one hypothesis until the next uncertain frame. Saves memory attention, but may change results. None never
            merges.
        merge_iou: IoU (0..1) above which two masks agree.
        binary_prompts: encode the memory of prompted frames from a binary mask, as SAM 2's interactive predictor does,
            rather than from mask probabilities, as its evaluation script and SAM2Long do.

    Raises:
        ConfigError: a value is outside its range.
    """

    pathways: int = 3
    iou_threshold: float | None = 0.3
    uncertainty_threshold: float = 2.0
    modulation: tuple[float, float] | None = (0.95, 1.05)
    merge: int | None = None
    merge_iou: float = 0.9
    binary_prompts: bool = False

    def __post_init__(self) -> None:
        if self.pathways < 1:
            raise ConfigError(f"pathways is {self.pathways}; it must be 1 or more")
        if self.pathways > MOST_PATHWAYS:
            raise ConfigError(f"pathways is {self.pathways}; it must be {MOST_PATHWAYS} or less")
        if self.iou_threshold is not None and not 0 <= self.iou_threshold <= 1:
            raise ConfigError(f"iou_threshold is {self.iou_threshold}; it must lie between 0 and 1")
        if not self.uncertainty_threshold >= 0:
            raise ConfigError(f"uncertainty_threshold is {self.uncertainty_threshold}; it must be 0 or more")
        if self.merge is not None and self.merge < 1:
            raise ConfigError(f"merge is {self.merge}; it must be 1 or more")
        if not 0 <= self.merge_iou <= 1:
            raise ConfigError(f"merge_iou is {self.merge_iou}; it must lie between 0 and 1")
        if self.modulation is not None:
            low, high = self.modulation
            if not (math.isfinite(high) and 0 < low <= high):
                raise ConfigError(f"modulation is {self.modulation}; it must be two numbers with 0 < low <= high")

    @classmethod
    def greedy(cls) -> TreeConfig:
        """Plain SAM 2, like its video predictor: one pathway, the latest frames as memory, no modulation."""
        return cls(pathways=1, iou_threshold=None, modulation=None, binary_prompts=True)
