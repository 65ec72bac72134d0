"""Selects the candidates that survive a frame (SAM2Long, arXiv 2410.16268, section 3.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sam2long.tree.config import TreeConfig

_EPSILON = 1e-5


@dataclass(frozen=True)
class Choice:
    """A surviving candidate: index of the pathway it continues, its index among that one's candidates, new score."""

    pathway: int
    candidate: int
    score: float


def select(
    scores: Sequence[float], ious: Sequence[Sequence[float]], object_scores: Sequence[float], config: TreeConfig
) -> list[Choice]:
    """Select the survivors of one frame, best first.

    Args:
        scores: cumulative score of each pathway.
        ious: predicted IoUs (0..1) of each pathway's candidates.
        object_scores: object score (a logit) of each pathway, shared by its candidates.
        config: number of survivors, and uncertainty threshold.

    Returns:
        At most `config.pathways` choices.
    """
    ranked = sorted(
        (
            Choice(pathway, candidate, score + math.log(iou + _EPSILON))
            for pathway, score in enumerate(scores)
            for candidate, iou in enumerate(ious[pathway])
        ),
        key=lambda choice: -choice.score,
    )
    if max(abs(score) for score in object_scores) > config.uncertainty_threshold:
        return ranked[: config.pathways]
    signs = [1 if score > 0 else -1 for score in object_scores]
    signed = [round(signs[choice.pathway] * ious[choice.pathway][choice.candidate], 2) for choice in ranked]
    return _diverse(ranked, signed, config.pathways)


def _diverse(ranked: list[Choice], signed: list[float], count: int) -> list[Choice]:
    """Keep the best candidate of each distinct signed, rounded IoU; then the best of each pathway that has none yet."""
    firsts = [choice for i, choice in enumerate(ranked) if signed[i] not in signed[:i]][:count]
    represented = {choice.pathway for choice in firsts}
    best_of = {choice.pathway: choice for choice in reversed(ranked)}
    left_out = [best_of[pathway] for pathway in sorted(best_of) if pathway not in represented]
    return (firsts + left_out)[:count]
