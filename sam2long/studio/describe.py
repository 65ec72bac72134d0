"""Describes a session for the page: objects, lanes and frames as messages."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from sam2long.results import FrameResult
from sam2long.results.observation import Observation
from sam2long.review.states import UNSURE_DISAGREEMENT, UNSURE_SCORE
from sam2long.studio import masks
from sam2long.studio.fields import Message
from sam2long.tracking import Session
from sam2long.tracking.prompting.prompts import ObjectPrompt
from sam2long.tracking.session_results import SpanState

Runs = list[list[object]]
"""[first, last, state] of runs of frames, in ascending order."""
UNDECIDED = SpanState.UNDECIDED.value


def describe_state(session: Session, revision: int) -> Message:
    """The `state` message: objects with their prompts, and what can be undone."""
    prompts = session.prompts
    objects = [
        {
            "id": object_id,
            "name": style.name,
            "colour": "#{:02x}{:02x}{:02x}".format(*style.colour),
            "hidden": style.hidden,
            "locked": style.locked,
            "prompts": [
                {"frame": frame, **_prompt(session.prompt(frame, object_id))} for frame in prompts.get(object_id, ())
            ],
        }
        for object_id, style in session.styles.items()
    ]
    undo, redo = len(session.undoable), len(session.redoable)
    return {"type": "state", "revision": revision, "objects": objects, "undo": undo, "redo": redo}


def _prompt(prompt: ObjectPrompt) -> Message:
    boxes = [clicks.box for clicks in prompt.rounds if clicks.box is not None]
    from_mask = prompt.mask is not None or (prompt.refines is not None and prompt.refines.stride == 0)
    points = [
        {"x": x, "y": y, "label": label}
        for clicks in prompt.rounds
        for (x, y), label in zip(clicks.points, clicks.labels, strict=True)
    ]
    return {"points": points, "box": boxes[-1] if boxes else None, "mask": from_mask}


def describe_lane(session: Session, object_id: int, revision: int) -> Message:
    """The `lane` message of an object: in which state its frames are."""
    runs: Runs = []
    known = object_id in session.object_ids
    for one in session.observations(object_id) if known else ():
        extend(runs, one.frame, state_of(one))
    others = [span for span in session.spans(object_id) if span.state is not SpanState.UP_TO_DATE]
    runs += [[span.first, span.last, span.state.value] for span in others]
    runs.sort(key=lambda run: int(str(run[0])))
    return {"type": "lane", "object": object_id, "revision": revision, "spans": runs}


def extend(runs: Runs, frame: int, state: str) -> None:
    """Add a frame to runs, at their end."""
    if runs and runs[-1][1] == frame - 1 and runs[-1][2] == state:
        runs[-1][1] = frame
    else:
        runs.append([frame, frame, state])


def state_of(one: Observation) -> str:
    """How an object's frame is drawn in its lane; as `object_state`, for an observation."""
    if abs(one.object_score) <= UNSURE_SCORE or one.disagreement > UNSURE_DISAGREEMENT:
        return "unsure"
    return "visible" if one.object_score > 0 else "hidden"


def result_state(result: FrameResult, object_id: int) -> str:
    """As `state_of`, for a result."""
    if abs(result.object_scores[object_id]) <= UNSURE_SCORE or result.disagreement[object_id] > UNSURE_DISAGREEMENT:
        return "unsure"
    return "visible" if result.object_scores[object_id] > 0 else "hidden"


def prompted_on(session: Session, frame: int) -> list[int]:
    """The objects that have a prompt on a frame."""
    return [object_id for object_id, frames in session.prompts.items() if frame in frames]


def undecided_on(session: Session, frame: int) -> list[int]:
    """The objects whose trees have visited a frame without deciding it."""
    return [object_id for object_id, frames in session.undecided.items() if frame in frames]


def coded_masks(
    shown: Mapping[int, masks.Mask],
    frame: int,
    width: int,
    flags: int,
    marks: Mapping[int, Collection[int]],
    revision: int,
) -> list[bytes]:
    """Masks of a frame as binary messages.

    Args:
        shown: masks by object id.
        frame: their frame.
        width: most pixels across.
        flags: of all of them.
        marks: further flags, each with the objects that have it.
        revision: see docs/studio-protocol.md.
    """
    return [
        masks.encode(
            mask,
            width,
            flags=flags | sum(flag for flag, objects in marks.items() if object_id in objects),
            object_id=object_id,
            frame=frame,
            revision=revision,
        )
        for object_id, mask in shown.items()
    ]


class FrameView:
    """The masks of one frame as they are now, with what is known of each object.

    An undecided object has the mask of its best pathway, and a prompted one that of its prompts, even before it has
    been followed.
    """

    def __init__(self, session: Session, frame: int, revision: int) -> None:
        self.masks: dict[int, masks.Mask] = {}
        self.objects: list[Message] = []
        self.time: float | None = None
        self._frame, self._revision = frame, revision
        self._prompted = prompted_on(session, frame)
        self._undecided = undecided_on(session, frame)
        result = session.result(frame, undecided=True)
        if result is not None:
            self.time = result.time
            for object_id, mask in result.masks.items():
                state = UNDECIDED if object_id in self._undecided else result_state(result, object_id)
                self._add(object_id, mask, state, _scores(result, object_id))
        for object_id in self._prompted:
            if object_id not in self.masks:
                preview = session.preview(frame, object_id)
                scores = {"iou": preview.score, "object_score": _finite(preview.object_score), "disagreement": 0.0}
                self._add(object_id, preview.mask, "unvisited", scores)

    def _add(self, object_id: int, mask: masks.Mask, state: str, scores: Message) -> None:
        self.masks[object_id] = mask
        self.objects.append({"id": object_id, "state": state, "prompted": object_id in self._prompted, **scores})

    def coded(self, width: int, flags: int = 0) -> list[bytes]:
        """The masks as binary messages."""
        marks = {masks.PROMPTED: self._prompted, masks.UNDECIDED: self._undecided}
        return coded_masks(self.masks, self._frame, width, flags, marks, self._revision)

    def message(self) -> Message:
        """The `frame` message."""
        place = {"frame": self._frame, "revision": self._revision, "time": self.time}
        return {"type": "frame", **place, "objects": self.objects}


def _scores(result: FrameResult, object_id: int) -> Message:
    numbers = {"iou": result.scores, "object_score": result.object_scores, "disagreement": result.disagreement}
    return {name: _finite(values[object_id]) for name, values in numbers.items()}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
