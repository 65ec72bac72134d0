"""Describes a session for the page: objects, lanes and frames as messages."""

from __future__ import annotations

import math
from collections.abc import Iterable

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
    outdated = [span for span in session.spans(object_id) if span.state is SpanState.OUTDATED]
    runs += [[span.first, span.last, "outdated"] for span in outdated]
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


class FrameView:
    """The masks of one frame as they are now, with what is known of each object.

    A prompted object has the mask of its prompts, even before it has been followed.
    """

    def __init__(self, session: Session, frame: int, revision: int) -> None:
        self.masks: dict[int, masks.Mask] = {}
        self.objects: list[Message] = []
        self.time: float | None = None
        self._frame, self._revision = frame, revision
        self._prompted = [object_id for object_id, frames in session.prompts.items() if frame in frames]
        result = session.result(frame)
        if result is not None:
            self.time = result.time
            for object_id, mask in result.masks.items():
                self._add(object_id, mask, result_state(result, object_id), _scores(result, object_id))
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
        return [
            masks.encode(
                mask,
                width,
                flags=flags | (masks.PROMPTED if object_id in self._prompted else 0),
                object_id=object_id,
                frame=self._frame,
                revision=self._revision,
            )
            for object_id, mask in self.masks.items()
        ]

    def message(self) -> Message:
        """The `frame` message."""
        place = {"frame": self._frame, "revision": self._revision, "time": self.time}
        return {"type": "frame", **place, "objects": self.objects}


def coded_result(result: FrameResult, width: int, prompted: Iterable[int], revision: int) -> list[bytes]:
    """The masks of a result as binary messages."""
    known = set(prompted)
    return [
        masks.encode(
            mask,
            width,
            flags=masks.PROMPTED if object_id in known else 0,
            object_id=object_id,
            frame=result.frame,
            revision=revision,
        )
        for object_id, mask in result.masks.items()
    ]


def _scores(result: FrameResult, object_id: int) -> Message:
    numbers = {"iou": result.scores, "object_score": result.object_scores, "disagreement": result.disagreement}
    return {name: _finite(values[object_id]) for name, values in numbers.items()}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
