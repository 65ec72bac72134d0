"""The mask of prompts on their own frame, before propagation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
from torch import Tensor


@dataclass(frozen=True)
class Preview:
    """The mask of one object's prompts on one frame, without propagation.

    Attributes:
        mask: bool [height, width] at the video's resolution.
        score: predicted IoU, 0..1 (1 for a mask prompt).
        object_score: a logit; > 0 means visible.
    """

    mask: npt.NDArray[np.bool_]
    score: float
    object_score: float
    _make_logits: Callable[[], Tensor] = field(repr=False, compare=False)

    @cached_property
    def logits(self) -> Tensor:
        """Float32 [height, width] at the video's resolution, > 0 inside, on the network's device; made on first use."""
        return self._make_logits()
