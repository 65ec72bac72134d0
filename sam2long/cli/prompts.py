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

    def __str__(self) -> str:
        return f"point {self.x:g},{self.y:g}"


@dataclass(frozen=True)
class BoxPrompt:
    """A box (x0, y0, x1, y1) around the object, in pixels of the video."""

    frame: int
    object_id: int
    box: tuple[float, float, float, float]

    def __str__(self) -> str:
        return "box " + ",".join(f"{value:g}" for value in self.box)


@dataclass(frozen=True)
class MaskPrompt:
    """The pixels of one object: `mask` is bool [height, width], read from `path`."""

    frame: int
    object_id: int
    path: Path
    mask: npt.NDArray[np.bool_] = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"mask {self.path}"


Prompt: TypeAlias = PointPrompt | BoxPrompt | MaskPrompt


@dataclass(frozen=True)
class ObjectPrompts:
    """Everything said about one object on one frame: clicks with at most one box, or one mask."""

    frame: int
    object_id: int
    points: tuple[PointPrompt, ...]
    boxes: tuple[BoxPrompt, ...]
    masks: tuple[MaskPrompt, ...]


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
    prompts = list(prompts)
    object_prompts(prompts)
    for prompt in prompts:
        _check_frame(prompt, source)
        if isinstance(prompt, MaskPrompt):
            _check_mask_size(prompt, source)
        else:
            _check_inside(prompt, source)


def apply_prompts(prompts: Iterable[Prompt], session: Session) -> None:
    """Hands the prompts to a session.

    Raises:
        PromptError: as `check_prompts`, or the session refuses one.
    """
    for marked in object_prompts(prompts):
        points = [(point.x, point.y) for point in marked.points]
        labels = [point.label for point in marked.points]
        if marked.masks:
            session.add_mask(frame=marked.frame, object_id=marked.object_id, mask=marked.masks[0].mask)
        elif marked.boxes:
            session.add_box(
                frame=marked.frame,
                object_id=marked.object_id,
                box=marked.boxes[0].box,
                points=points or None,
                labels=labels or None,
            )
        else:
            session.add_points(frame=marked.frame, object_id=marked.object_id, points=points, labels=labels)


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
    where = f"object {marked.object_id} on frame {marked.frame}"
    if marked.masks and (marked.points or marked.boxes):
        other = "points" if marked.points else "a box"
        raise PromptError(f"{where} has a mask and {other}: use one kind, or number the objects apart with #OBJECT")
    if len(marked.masks) > 1:
        raise PromptError(f"{where} has {len(marked.masks)} masks: give one, or number the objects apart with #OBJECT")
    if len(marked.boxes) > 1:
        raise PromptError(f"{where} has {len(marked.boxes)} boxes: give one, or number the objects apart with #OBJECT")


def _check_frame(prompt: Prompt, source: VideoSource) -> None:
    if source.frame_count is not None and prompt.frame >= source.frame_count:
        raise PromptError(
            f"{prompt} is on frame {prompt.frame}, but {source.name} has frames 0 to {source.frame_count - 1}"
        )


def _check_inside(prompt: PointPrompt | BoxPrompt, source: VideoSource) -> None:
    xs, ys = (prompt.box[0::2], prompt.box[1::2]) if isinstance(prompt, BoxPrompt) else ((prompt.x,), (prompt.y,))
    if not all(0 <= x <= source.width for x in xs) or not all(0 <= y <= source.height for y in ys):
        raise PromptError(f"{prompt} is outside the frame: {source.name} is {source.width} x {source.height} pixels")


def _check_mask_size(prompt: MaskPrompt, source: VideoSource) -> None:
    height, width = prompt.mask.shape
    if (height, width) != (source.height, source.width):
        raise PromptError(
            f"{prompt} is {width} x {height} pixels, but {source.name} is {source.width} x {source.height}: "
            "give a mask of the video's size"
        )
