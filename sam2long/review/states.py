"""Which objects and frames deserve a second look."""

from __future__ import annotations

from enum import Enum

from sam2long.results.result import FrameResult

# An object score this close to 0 is what the memory tree's paper calls uncertain.
UNSURE_SCORE = 2.0
# Beyond this the surviving pathways follow different things rather than draw another outline.
UNSURE_DISAGREEMENT = 0.5


class ObjectState(Enum):
    """How an object stands on a frame; the value is its sign in the progress line."""

    VISIBLE = "●"
    HIDDEN = "○"
    UNSURE = "?"


def object_state(result: FrameResult, object_id: int) -> ObjectState:
    """Unsure where the object score is near 0 or the pathways disagree; else by the sign of the object score."""
    score = result.object_scores[object_id]
    if abs(score) <= UNSURE_SCORE or result.disagreement[object_id] > UNSURE_DISAGREEMENT:
        return ObjectState.UNSURE
    return ObjectState.VISIBLE if score > 0 else ObjectState.HIDDEN


def is_doubtful(result: FrameResult) -> bool:
    """Whether any object of the frame is unsure."""
    return any(object_state(result, object_id) is ObjectState.UNSURE for object_id in result.masks)
