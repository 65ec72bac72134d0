"""Classifies each object on each frame as visible, hidden or unsure."""

from __future__ import annotations

from enum import Enum

from sam2long.results.result import FrameResult

# Object scores (logits) within this distance of 0 are uncertain, as in SAM2Long.
UNSURE_SCORE = 2.0
# Above this disagreement (1 - IoU) the pathways follow different things rather than outline the same one differently.
UNSURE_DISAGREEMENT = 0.5


class ObjectState(Enum):
    """State of an object on a frame; the value is its symbol in the progress line."""

    VISIBLE = "●"
    HIDDEN = "○"
    UNSURE = "?"


def object_state(result: FrameResult, object_id: int) -> ObjectState:
    """Unsure if the object score is near 0 or the pathways disagree; otherwise decided by the object score's sign."""
    score = result.object_scores[object_id]
    if is_unsure(score, result.disagreement[object_id]):
        return ObjectState.UNSURE
    return ObjectState.VISIBLE if score > 0 else ObjectState.HIDDEN


def is_unsure(object_score: float, disagreement: float) -> bool:
    """Whether the object score is near 0 or the pathways disagree."""
    return abs(object_score) <= UNSURE_SCORE or disagreement > UNSURE_DISAGREEMENT


def is_doubtful(result: FrameResult) -> bool:
    """Whether any object of the frame is unsure."""
    return any(object_state(result, object_id) is ObjectState.UNSURE for object_id in result.masks)
