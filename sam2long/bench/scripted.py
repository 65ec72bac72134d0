"""A SAM 2 that does all its work but returns scripted scores, with timed calls."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sam2long.model import SAM2, MaskProposals, Memory, SAM2Config
from sam2long.model.checkpoints.loading import fresh_model
from sam2long.model.decoder.prompt_encoder import PromptTokens
from sam2long.model.image_encoder import ImageFeatures
from sam2long.tracking.frame.candidate_scores import send


@dataclass(frozen=True)
class Script:
    """Scores that the network returns for every frame: an object score (a logit), and the IoUs of masks 0 to 3."""

    object_score: float
    ious: tuple[float, float, float, float] = (0.9, 0.9, 0.7, 0.6)


CERTAIN = Script(10.0)
"""Pathways stay copies of each other."""

UNCERTAIN = Script(1.0)
"""Pathways part on every frame, and are children of the best one."""

PARTED = Script(1.0, (0.9, 0.9, 0.9, 0.9))
"""Pathways that have parted go on side by side and never meet again."""

ABSENT = Script(-10.0)
"""The object is out of sight, for certain."""


class MeasuredSAM2(SAM2):
    """Returns the scores of `script` (changeable at any time) and sums the `seconds` of each call, device included."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__(config)
        self.script = CERTAIN
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def encode_image(self, images: Tensor) -> ImageFeatures:
        """See `SAM2`."""
        with self._timed("encode"):
            return super().encode_image(images)

    def attend(self, coarse: Tensor, memory: Memory) -> Tensor:
        """See `SAM2`."""
        with self._timed("attend"):
            return super().attend(coarse, memory)

    def decode(self, conditioned: Tensor, features: ImageFeatures, prompts: PromptTokens) -> MaskProposals:
        """See `SAM2`; the scores are the script's."""
        with self._timed("decode mask"):
            proposals = super().decode(conditioned, features, prompts)
        ious = send(self.script.ious, self.device).expand_as(proposals.ious)
        return replace(
            proposals, ious=ious, object_scores=torch.full_like(proposals.object_scores, self.script.object_score)
        )

    def encode_memory(self, coarse: Tensor, mask_logits: Tensor, object_scores: Tensor, binary: bool = False) -> Tensor:
        """See `SAM2`."""
        with self._timed("memory"):
            return super().encode_memory(coarse, mask_logits, object_scores, binary)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        wait_for(self.device)
        started = time.perf_counter()
        yield
        wait_for(self.device)
        self.seconds[stage] += time.perf_counter() - started


def measured_model(config: SAM2Config, device: torch.device) -> MeasuredSAM2:
    """Build a `MeasuredSAM2` with fresh weights."""
    model = MeasuredSAM2(config)
    model.load_state_dict(fresh_model(config).state_dict())
    return model.eval().to(device)


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has finished its queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
