"""The four numbers of the memory tree (SAM2Long, arXiv 2410.16268, section 4.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sam2long.errors import ConfigError


@dataclass(frozen=True)
class TreeConfig:
    """How many hypotheses to keep, what counts as a memory, and when to spread out.

    Attributes:
        pathways: hypotheses per object, 1 or more.
        iou_threshold: a frame serves as memory only if its predicted IoU is above this (0..1) and the object is
            visible; None remembers the latest frames whatever they are, which is SAM 2's rule.
        uncertainty_threshold: if no pathway's object score (a logit) is farther than this from 0, the frame is
            uncertain and the survivors are made to differ.
        modulation: lowest and highest factor on the attention keys of memories, by rank of their object scores; None
            leaves them alone.
        binary_prompts: remember prompted frames by a mask of zeros and ones, as SAM 2's interactive predictor does,
            rather than by probabilities, as its evaluation script and SAM2Long do.

    Raises:
        ConfigError: a value is outside its range.
    """

    pathways: int = 3
    iou_threshold: float | None = 0.3
    uncertainty_threshold: float = 2.0
    modulation: tuple[float, float] | None = (0.95, 1.05)
    binary_prompts: bool = False

    def __post_init__(self) -> None:
        if self.pathways < 1:
            raise ConfigError(f"pathways is {self.pathways}; at least 1 is needed")
        if self.iou_threshold is not None and not 0 <= self.iou_threshold <= 1:
            raise ConfigError(f"iou_threshold is {self.iou_threshold}; it must lie between 0 and 1")
        if not self.uncertainty_threshold >= 0:
            raise ConfigError(f"uncertainty_threshold is {self.uncertainty_threshold}; it must be 0 or more")
        if self.modulation is not None:
            low, high = self.modulation
            if not (math.isfinite(high) and 0 < low <= high):
                raise ConfigError(f"modulation is {self.modulation}; it must be two numbers with 0 < low <= high")

    @classmethod
    def greedy(cls) -> TreeConfig:
        """Plain SAM 2, as its video predictor comes: one pathway, its latest frames as memory, no modulation."""
        return cls(pathways=1, iou_threshold=None, modulation=None, binary_prompts=True)
