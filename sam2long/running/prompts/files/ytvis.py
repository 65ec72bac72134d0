"""YouTube-VIS JSON: videos, and one annotation per object with a list of masks and boxes, one per frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sam2long.errors import PromptError
from sam2long.running.prompts.files.coco import categories, key_of, label_of, pick_video, segmentation_or_box
from sam2long.running.prompts.files.marks import Mark
from sam2long.running.prompts.files.record import Record, whole
from sam2long.running.prompts.files.target import FrameName, Target


def read_ytvis(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read the objects of one video; of several, the one of the same name.

    Raises:
        PromptError: the file is not as it should be, is for another video, or marks nothing on this one.
    """
    file = Record(content, str(path))
    video = pick_video(file.records("videos"), target, str(path))
    if "width" in video and "height" in video:
        target.check_size(video.whole("width"), video.whole("height"), video.where)
    tracks = [item for item in file.records("annotations") if item.get("video_id") == video.get("id")]
    names = categories(file)
    by_object = all("object_id" in track for track in tracks)
    frames: list[int | None] | None = None
    marks: list[Mark] = []
    for track in tracks:
        shapes = _shapes(track)
        frames = frames or _frames(video, len(shapes), target)
        if len(shapes) != len(frames):
            raise PromptError(f"{track.where}: {len(shapes)} masks or boxes, but the video has {len(frames)} frames")
        key = key_of(track, "object_id" if by_object else "id")
        for i, (frame, (segmentation, box)) in enumerate(zip(frames, shapes)):
            where = Record({}, f"{track.where}, frame {i}")
            shape = segmentation_or_box(where, segmentation, box, target) if frame is not None else None
            if frame is not None and shape is not None:
                marks.append(Mark(frame, key, label_of(track, names), shape, where.where))
    return marks


def _shapes(track: Record) -> list[tuple[Any, Any]]:
    """(segmentation, box) per frame, both None where the object is not visible."""
    lists: list[list[Any]] = [track.items(key) if key in track else [] for key in ("segmentations", "bboxes", "areas")]
    length = max(len(values) for values in lists[:2])
    segmentations, boxes, areas = ([*values, *[None] * (length - len(values))] for values in lists)
    return list(_visible(segmentations, boxes, areas))


def _visible(segmentations: list[Any], boxes: list[Any], areas: list[Any]) -> Iterator[tuple[Any, Any]]:
    for segmentation, box, area in zip(segmentations, boxes, areas):
        hidden = area == 0 or (not segmentation and isinstance(box, list) and not any(box))
        yield (None, None) if hidden else (segmentation, box)


def _frames(video: Record, length: int, target: Target) -> list[int | None]:
    names = video.items("file_names") if "file_names" in video else [None] * length
    without = list(range(length)) if "file_names" not in video else [None] * len(names)
    numbers = video.items("frame_numbers") if "frame_numbers" in video else without
    if len(numbers) != len(names):
        raise PromptError(f"{video.where}: {len(names)} file_names but {len(numbers)} frame_numbers")
    asked = [
        FrameName(
            None if name is None else Record({"name": name}, video.where).text("name"),
            None if number is None else whole(number, f"{video.where}: frame_numbers"),
        )
        for name, number in zip(names, numbers)
    ]
    return target.frames(asked, video.where)
