"""What a user marks on a video: points, boxes and masks, checked against the video and handed to a session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from sam2long.errors import PromptError
from sam2long.tracking.prompting.prompts import FrameSize, check_clicks, check_mask

if TYPE_CHECKING:
    from sam2long.tracking import Session
    from sam2long.video import VideoSource


@dataclass(frozen=True)
class PointPrompt:
    """A click; `label` 1 is on the object, 0 is not on it; `x`, `y` in pixels of the video."""

    frame: int
    object_id: int
    x: float
    y: float
    label: int


@dataclass(frozen=True)
class BoxPrompt:
    """A box (x0, y0, x1, y1) around the object, in pixels of the video."""

    frame: int
    object_id: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class MaskPrompt:
    """The pixels of one object: `mask` is bool [height, width], read from `path`."""

    frame: int
    object_id: int
    path: Path
    mask: npt.NDArray[np.bool_] = field(compare=False, repr=False)


Prompt: TypeAlias = PointPrompt | BoxPrompt | MaskPrompt


@dataclass(frozen=True)
class ObjectPrompts:
    """Everything said about one object on one frame: clicks with at most one box, or one mask."""

    frame: int
    object_id: int
    points: tuple[PointPrompt, ...]
    boxes: tuple[BoxPrompt, ...]
    masks: tuple[MaskPrompt, ...]

    def __str__(self) -> str:
        return f"object {self.object_id} on frame {self.frame}"

    @property
    def places(self) -> list[tuple[float, float]]:
        """The clicks' (x, y)."""
        return [(point.x, point.y) for point in self.points]

    @property
    def labels(self) -> list[int]:
        """The clicks' labels."""
        return [point.label for point in self.points]


def object_prompts(prompts: Iterable[Prompt]) -> list[ObjectPrompts]:
    """Gathers prompts by frame and object, in that order.

    Raises:
        PromptError: there are none, or one object has two boxes, two masks, or a mask and something else on one frame.
    """
    ordered = sorted(prompts, key=_frame_and_object)
    if not ordered:
        raise PromptError("nothing to follow: mark an object with --point, --box, --mask or --prompts")
    groups = [_gather(*key, list(group)) for key, group in groupby(ordered, key=_frame_and_object)]
    for group in groups:
        _check_kinds(group)
    return groups


def object_ids(prompts: Iterable[Prompt]) -> list[int]:
    """The numbers of all marked objects, ascending."""
    return sorted({prompt.object_id for prompt in prompts})


def check_prompts(prompts: Iterable[Prompt], source: VideoSource) -> None:
    """Checks what can be known without a model: kinds, frame numbers and coordinates.

    Raises:
        PromptError: see `object_prompts`; or a prompt is outside the frame, on a frame that does not exist, or a mask
            has another size than the video.
    """
    size = FrameSize(source.height, source.width)
    for marked in object_prompts(prompts):
        if source.frame_count is not None and marked.frame >= source.frame_count:
            raise PromptError(f"{marked}: {source.name} has only frames 0 to {source.frame_count - 1}")
        if marked.masks:
            check_mask(marked.masks[0].mask, size, str(marked))
        else:
            check_clicks(marked.places, marked.labels, marked.boxes[0].box if marked.boxes else None, size, str(marked))


def apply_prompts(prompts: Iterable[Prompt], session: Session) -> None:
    """Hands the prompts to a session.

    Raises:
        PromptError: as `check_prompts`, or the session refuses one.
    """
    for marked in object_prompts(prompts):
        if marked.masks:
            session.add_mask(frame=marked.frame, object_id=marked.object_id, mask=marked.masks[0].mask)
        elif marked.boxes:
            session.add_box(
                frame=marked.frame,
                object_id=marked.object_id,
                box=marked.boxes[0].box,
                points=marked.places,
                labels=marked.labels,
            )
        else:
            session.add_points(
                frame=marked.frame, object_id=marked.object_id, points=marked.places, labels=marked.labels
            )


def describe(prompts: Iterable[Prompt]) -> list[dict[str, object]]:
    """The prompts as entries of a prompt file, so that a summary tells how to do the same again."""
    return [{"frame": marked.frame, "object": marked.object_id, **_marks(marked)} for marked in object_prompts(prompts)]


def _marks(marked: ObjectPrompts) -> dict[str, object]:
    if marked.masks:
        return {"mask": str(marked.masks[0].path)}
    box = {"box": list(marked.boxes[0].box)} if marked.boxes else {}
    points = {"points": [list(place) for place in marked.places], "labels": marked.labels} if marked.points else {}
    return {**box, **points}


def _frame_and_object(prompt: Prompt) -> tuple[int, int]:
    return prompt.frame, prompt.object_id


def _gather(frame: int, object_id: int, prompts: list[Prompt]) -> ObjectPrompts:
    return ObjectPrompts(
        frame=frame,
        object_id=object_id,
        points=tuple(prompt for prompt in prompts if isinstance(prompt, PointPrompt)),
        boxes=tuple(prompt for prompt in prompts if isinstance(prompt, BoxPrompt)),
        masks=tuple(prompt for prompt in prompts if isinstance(prompt, MaskPrompt)),
    )


def _check_kinds(marked: ObjectPrompts) -> None:
    if marked.masks and (marked.points or marked.boxes):
        other = "points" if marked.points else "a box"
        raise PromptError(f"{marked} has a mask and {other}: use one kind, or number the objects apart with #OBJECT")
    if len(marked.masks) > 1:
        raise PromptError(f"{marked} has {len(marked.masks)} masks: give one, or number the objects apart with #OBJECT")
    if len(marked.boxes) > 1:
        raise PromptError(f"{marked} has {len(marked.boxes)} boxes: give one, or number the objects apart with #OBJECT")
