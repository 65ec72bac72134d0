"""Copies the scores needed to select candidates to the CPU, in one transfer per frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import torch
from torch import Tensor

from sam2long.errors import ConfigError
from sam2long.model.decoder.mask_decoder import Candidates

Place = tuple[int, int]
"""A candidate: index of the object's distinct pathway, and index among its candidates."""


@dataclass(frozen=True)
class CandidateScores:
    """Scores of one object's candidates on a frame, on the CPU.

    Attributes:
        ious: predicted IoUs (0..1) of the candidates, one row per distinct pathway.
        object_scores: one logit per distinct pathway.
        differences: 1 - IoU between the masks of any two candidates, numbered through all pathways.
    """

    ious: list[list[float]]
    object_scores: list[float]
    differences: list[list[float]]

    def all_scores(self) -> Iterable[float]:
        """Predicted IoUs and object scores, in no order that matters."""
        return chain(*self.ious, self.object_scores)

    def disagreement(self, places: Sequence[Place]) -> float:
        """Largest 1 - IoU between the masks of any two of the candidates; 0 for a single one, or if both are empty."""
        count = len(self.ious[0])
        numbers = [row * count + candidate for row, candidate in places]
        return max((self.differences[a][b] for a, b in combinations(numbers, 2)), default=0.0)


def fetch_candidate_scores(candidates: Candidates, rows: Sequence[int]) -> list[CandidateScores]:
    """Copy the scores needed to select candidates to the CPU, in one transfer; `rows` counts the rows per object."""
    scores = torch.cat([candidates.ious, candidates.object_scores[:, None]], dim=1)
    differences = [mask_differences(masks.flatten(0, 1)) for masks in candidates.masks.split(list(rows))]
    # The only synchronization with the device per frame.
    numbers = torch.cat([part.flatten().float() for part in (scores, *differences)]).tolist()
    table = _rows(numbers[: scores.numel()], scores.shape[1])
    first, start = 0, scores.numel()
    found = []
    for count, matrix in zip(rows, differences, strict=True):
        own = table[first : first + count]
        apart = _rows(numbers[start : start + matrix.numel()], len(matrix))
        found.append(CandidateScores([row[:-1] for row in own], [row[-1] for row in own], apart))
        first, start = first + count, start + matrix.numel()
    return found


def check_finite(scores: Iterable[float], frame: int) -> None:
    """Stop before NaN gets into the memory, from where it would reach every later frame.

    Raises:
        ConfigError: a score of the network is NaN or infinite.
    """
    if not all(map(math.isfinite, scores)):
        raise ConfigError(
            f"frame {frame}: the network's scores are not finite numbers; the weights do not suit this precision or"
            " device: try float32, or the CPU"
        )


def mask_differences(masks: Tensor) -> Tensor:
    """1 - IoU between any two masks, given as logits [count, height, width]; 0 if both are empty: [count, count]."""
    inside = (masks > 0).flatten(1).float()
    overlap = inside @ inside.T
    areas = overlap.diagonal()
    union = areas[:, None] + areas[None] - overlap
    return (1 - overlap / union.clamp(min=1)).masked_fill(union == 0, 0.0)


def send(values: Sequence[object], device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """Copy numbers to the device, without waiting for the work queued there."""
    pinned = device.type == "cuda"
    return torch.tensor(values, dtype=dtype, pin_memory=pinned).to(device, non_blocking=pinned)


def _rows(numbers: list[float], width: int) -> list[list[float]]:
    return [numbers[start : start + width] for start in range(0, len(numbers), width)]
