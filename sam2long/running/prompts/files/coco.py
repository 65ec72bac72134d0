"""COCO JSON: images and annotations, or only a list of results; also with tracks (CocoVID, TAO, MOT in COCO)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from sam2long.errors import PromptError
from sam2long.running.prompts.files.marks import Mark, Shape
from sam2long.running.prompts.files.record import Record, shown
from sam2long.running.prompts.files.shapes import coco_area, sized_box
from sam2long.running.prompts.files.target import FrameName, Target

_TRACK_KEYS = ("track_id", "object_id", "instance_id")
_FRAME_KEYS = ("frame_number", "frame_index", "frame_id")


def read_coco(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read a COCO file.

    An object is what has the same `track_id`, `object_id` or `instance_id`, also among its `attributes`, as CVAT writes
    it. A frame is found by the `file_name` of its image, or by `frame_number`, `frame_index` or `frame_id`.

    Raises:
        PromptError: the file is not as it should be, is for another video, or marks nothing on this one.
    """
    if isinstance(content, list):
        return _results(content, path, target)
    file = Record(content, str(path))
    annotations = file.records("annotations")
    used = {_id(item, "image_id") for item in annotations}
    images = _of_video(file, file.records("images"), target)
    for image in images:
        if "width" in image and "height" in image and _id(image, "id") in used:
            target.check_size(image.whole("width"), image.whole("height"), image.where)
    names = [
        FrameName(image.text("file_name") if "file_name" in image else None, _number(image), _id(image, "id") in used)
        for image in images
    ]
    found = target.frames(names, str(path)) if names else []
    frames = {_id(image, "id"): frame for image, frame in zip(images, found)}
    for item in annotations:
        if _id(item, "image_id") not in frames and len(images) == len(file.items("images")):
            raise PromptError(f"{item.where}: there is no image with the id {shown(item.get('image_id'))}")
    return list(_marks(annotations, frames, categories(file), target))


def categories(file: Record) -> dict[Hashable, str]:
    """Names of a COCO file's categories by id; raises PromptError."""
    records = file.records("categories") if "categories" in file else []
    return {_id(item, "id"): item.text("name", "") for item in records}


def segmentation_or_box(item: Record, segmentation: Any, box: Any, target: Target) -> Shape | None:
    """The mask, else the box (x, y, width, height); None if the object is not visible. Raises PromptError."""
    if segmentation:
        return coco_area(segmentation, target.size, item.where)
    if box is None:
        return None
    return sized_box(Record({"bbox": box}, item.where).numbers("bbox", 4), item.where)


def _results(content: Sequence[Any], path: Path, target: Target) -> list[Mark]:
    """A list of detections without images; `image_id` is a frame number, or the name of an image."""
    annotations = [Record(item, f"{path}: [{i}]") for i, item in enumerate(content)]
    ids = list(dict.fromkeys(_id(item, "image_id") for item in annotations))
    names = [FrameName(id_) if isinstance(id_, str) else FrameName(None, id_) for id_ in ids]  # type: ignore[arg-type]
    frames = dict(zip(ids, target.frames(names, str(path)))) if ids else {}
    return list(_marks(annotations, frames, {}, target))


def _marks(
    annotations: Sequence[Record], frames: Mapping[Hashable, int | None], names: Mapping[Hashable, str], target: Target
) -> Iterator[Mark]:
    for item in annotations:
        frame = frames.get(_id(item, "image_id"))
        if frame is None or item.get("area") == 0:
            continue
        shape = segmentation_or_box(item, item.get("segmentation"), item.get("bbox"), target)
        if shape is None:
            raise PromptError(f"{item.where}: expected a segmentation or a bbox")
        keyframe = not any(place.get("keyframe") is False for place in _places(item))
        yield Mark(frame, _track(item), label_of(item, names), shape, item.where, keyframe)


def label_of(item: Record, names: Mapping[Hashable, str]) -> str | None:
    """The name of an annotation's category, or of its class, or None; raises PromptError."""
    if "category_id" not in item:
        return None
    category = _id(item, "category_id")
    return names.get(category) or f"category {category}"


def _track(item: Record) -> Hashable | None:
    return next((key_of(place, key) for key in _TRACK_KEYS for place in _places(item) if key in place), None)


def _places(item: Record) -> list[Record]:
    """An annotation, and its attributes, where CVAT writes what COCO does not know."""
    attributes = item.get("attributes")
    return [item, Record(attributes, item.where)] if isinstance(attributes, dict) else [item]


def key_of(item: Record, key: str) -> Hashable:
    """An object's id, a whole number where it looks like one; raises PromptError."""
    value = _id(item, key)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        return int(value)
    return value


def _id(item: Record, key: str) -> Hashable:
    value = item.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PromptError(f"{item.where}: {key} must be a number or text, not {shown(value)}")
    return value


def _number(image: Record) -> int | None:
    return next((image.whole(key) for key in _FRAME_KEYS if key in image), None)


def _of_video(file: Record, images: list[Record], target: Target) -> list[Record]:
    """The images of one video, if there are several: of the `videos` by name, or of the folders in the file names."""
    videos = file.records("videos") if "videos" in file else []
    if len(videos) > 1:
        chosen = _id(pick_video(videos, target, file.where), "id")
        return [image for image in images if image.get("video_id") == chosen]
    files = [PurePosixPath(image.text("file_name", "").replace("\\", "/")) for image in images]
    if max(Counter(name.name for name in files if name.name).values(), default=0) < 2:
        return images
    ours = [image for image, name in zip(images, files) if target.name in name.parts[:-1]]
    if not ours:
        folders = ", ".join(sorted({str(name.parent) for name in files})[:4])
        raise PromptError(
            f"{file.where} has images of the same name in several folders ({folders}), none {target.name}"
        )
    return ours


def pick_video(videos: Sequence[Record], target: Target, where: str) -> Record:
    """The only video of a file, or the one of the same name; raises PromptError if there is none."""
    if len(videos) == 1:
        return videos[0]
    names = [_video_name(video) for video in videos]
    for video, name in zip(videos, names):
        if name == target.name:
            return video
    listed = ", ".join(names[:4]) + ", ..." * (len(names) > 4)
    raise PromptError(f"{where} has {len(videos)} videos ({listed}), but none is called {target.name}")


def _video_name(video: Record) -> str:
    names = video.items("file_names") if "file_names" in video else []
    first = next((name for name in names if isinstance(name, str)), "")
    name = video.text("name") if "name" in video else PurePosixPath(first).parent.name
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in (".mp4", ".avi", ".mov", ".mkv", ".webm") else path.name
