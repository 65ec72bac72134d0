"""Evaluation: data sets, scores and tables."""

from sam2long.evaluation.scoring.metrics import (
    FrameScore,
    SequenceScore,
    boundary_accuracy,
    boundary_map,
    j_and_f,
    region_similarity,
    sequence_scores,
)

__all__ = [
    "FrameScore",
    "SequenceScore",
    "boundary_accuracy",
    "boundary_map",
    "j_and_f",
    "region_similarity",
    "sequence_scores",
]
