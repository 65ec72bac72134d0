"""The user's prompts (points, boxes and masks), checked against the video and added to a session."""

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
    """A click at (x, y), in pixels of the video; `label` is 1 on the object and 0 off it; `name` is the object's."""

    frame: int
    object_id: int
    x: float
    y: float
    label: int
    name: str | None = None


@dataclass(frozen=True)
class BoxPrompt:
    """A box (x0, y0, x1, y1) around the object, in pixels of the video; `name` is the object's."""

    frame: int
    object_id: int
    box: tuple[float, float, float, float]
    name: str | None = None


@dataclass(frozen=True)
class MaskPrompt:
    """The pixels of one object: `mask` is bool [height, width], read from `path`; `name` is the object's.

    If `drawn`, the file is no image: the mask was drawn from what another tool wrote.
    """

    frame: int
    object_id: int
    path: Path
    mask: npt.NDArray[np.bool_] = field(compare=False, repr=False)
    name: str | None = None
    drawn: bool = False


Prompt: TypeAlias = PointPrompt | BoxPrompt | MaskPrompt


@dataclass(frozen=True)
class ObjectPrompts:
    """All prompts of one object on one frame: clicks with at most one box, or one mask."""

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

    @property
    def name(self) -> str | None:
        """The object's name, or None."""
        prompts: list[Prompt] = [*self.masks, *self.boxes, *self.points]
        return next((prompt.name for prompt in prompts if prompt.name is not None), None)


def object_prompts(prompts: Iterable[Prompt]) -> list[ObjectPrompts]:
    """Group prompts by frame and object, sorted in that order.

    Raises:
        PromptError: there are no prompts, or one object has two boxes, two masks, or a mask and another prompt on
            the same frame.
    """
    ordered = sorted(prompts, key=_frame_and_object)
    if not ordered:
        raise PromptError("nothing to follow: prompt an object with --point, --box, --mask or --prompts")
    groups = [_gather(*key, list(group)) for key, group in groupby(ordered, key=_frame_and_object)]
    for group in groups:
        _check_kinds(group)
    return groups


def object_ids(prompts: Iterable[Prompt]) -> list[int]:
    """Ids of all prompted objects, ascending."""
    return sorted({prompt.object_id for prompt in prompts})


def object_names(prompts: Iterable[Prompt]) -> dict[int, str]:
    """Names by object id, of the objects that have one."""
    named = [(prompt.object_id, prompt.name) for prompt in prompts if prompt.name is not None]
    return dict(reversed(named))


def check_prompts(prompts: Iterable[Prompt], source: VideoSource) -> None:
    """Check everything that needs no model: kinds of prompts, frame numbers and coordinates.

    Raises:
        PromptError: see `object_prompts`; or a prompt is outside the frame or on a frame that does not exist, or a
            mask differs in size from the video.
    """
    size = FrameSize(source.height, source.width)
    for group in object_prompts(prompts):
        if source.frame_count is not None and group.frame >= source.frame_count:
            raise PromptError(f"{group}: {source.name} has only frames 0 to {source.frame_count - 1}")
        if group.masks:
            check_mask(group.masks[0].mask, size, str(group))
        else:
            check_clicks(group.places, group.labels, group.boxes[0].box if group.boxes else None, size, str(group))


def apply_prompts(prompts: Iterable[Prompt], session: Session) -> None:
    """Add the prompts to a session.

    Raises:
        PromptError: as in `check_prompts`, or the session rejects a prompt.
    """
    for group in object_prompts(prompts):
        if group.name is not None:
            _name(session, group.object_id, group.name)
        if group.masks:
            session.add_mask(frame=group.frame, object_id=group.object_id, mask=group.masks[0].mask)
        elif group.boxes:
            session.add_box(
                frame=group.frame,
                object_id=group.object_id,
                box=group.boxes[0].box,
                points=group.places,
                labels=group.labels,
            )
        else:
            session.add_points(frame=group.frame, object_id=group.object_id, points=group.places, labels=group.labels)


def _name(session: Session, object_id: int, name: str) -> None:
    style = session.styles.get(object_id)
    if style is None or style.name != name:
        session.set_style(object_id, name=name)


def describe(prompts: Iterable[Prompt]) -> list[dict[str, object]]:
    """Return the prompts as entries of a prompt file, so that the summary allows a run to be repeated.

    A mask drawn from another tool's file has that file as `from` instead of `mask`.
    """
    return [{"frame": group.frame, "object": group.object_id, **_fields(group)} for group in object_prompts(prompts)]


def _fields(group: ObjectPrompts) -> dict[str, object]:
    name = {} if group.name is None else {"name": group.name}
    if group.masks:
        return {**name, "from" if group.masks[0].drawn else "mask": str(group.masks[0].path)}
    box = {"box": list(group.boxes[0].box)} if group.boxes else {}
    points = {"points": [list(place) for place in group.places], "labels": group.labels} if group.points else {}
    return {**name, **box, **points}


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


def _check_kinds(group: ObjectPrompts) -> None:
    advice = "or give the objects different numbers with #OBJECT"
    if group.masks and (group.points or group.boxes):
        other = "points" if group.points else "a box"
        raise PromptError(f"{group} has a mask and {other}: use one kind, {advice}")
    if len(group.masks) > 1:
        raise PromptError(f"{group} has {len(group.masks)} masks: use one, {advice}")
    if len(group.boxes) > 1:
        raise PromptError(f"{group} has {len(group.boxes)} boxes: use one, {advice}")
