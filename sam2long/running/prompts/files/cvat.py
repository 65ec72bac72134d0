"""CVAT XML 1.1: for images and for videos (https://docs.cvat.ai/docs/dataset_management/formats/xml_format/)."""

from __future__ import annotations

import cmath
import math
import warnings
from collections import Counter
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sam2long.errors import PromptError
from sam2long.running.prompts.files.marks import Area, Clicks, Mark, Mask, Point, Shape
from sam2long.running.prompts.files.record import Record, number, pairs, whole
from sam2long.running.prompts.files.shapes import around, corner_box, ellipse, placed, polygons, run_mask
from sam2long.running.prompts.files.target import FrameName, Target

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SHAPES = ("box", "polygon", "mask", "points", "ellipse")
_OTHERS = ("polyline", "cuboid", "skeleton")
_TRACK_ATTRIBUTES = ("track_id", "object_id")


def read_cvat(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read CVAT's own XML.

    In files for videos an object is a track, or the tracks of a `group_id`; shapes that are `outside` mark nothing. In
    files for images an object is a `group_id`, or what has the same attribute `track_id`.
    Polylines, cuboids and skeletons are left out with a warning.

    Raises:
        PromptError: the file is not as it should be, or is for another video.
    """
    root: Element = content
    _check_tasks(root, path)
    size = root.find("./meta//original_size")
    if size is not None:
        width, height = (whole(size.findtext(side), f"{path}: original_size: {side}") for side in ("width", "height"))
        target.check_size(width, height, str(path))
    left_out: Counter[str] = Counter()
    marks = [*_in_tracks(root, path, target, left_out), *_in_images(root, path, target, left_out)]
    if left_out:
        kinds = ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in left_out.items())
        warnings.warn(f"{path}: left out {kinds}, which cannot be prompts", stacklevel=2)
    return marks


def _check_tasks(root: Element, path: Path) -> None:
    for kind in ("track", "image"):
        tasks = {item.get("task_id", "") for item in root.iterfind(kind)}
        if len(tasks) > 1:
            raise PromptError(f"{path} holds {len(tasks)} tasks of a project; export the task of this video alone")


def _in_tracks(root: Element, path: Path, target: Target, left_out: Counter[str]) -> Iterator[Mark]:
    tracks = list(root.iterfind("track"))
    grouped = all(track.get("group_id", "0") != "0" for track in tracks)
    for place, track in enumerate(tracks):
        where = f"{path}: track {track.get('id', str(place))[:20]}"
        key: Hashable = whole(track.get("id", place), f"{where}: id")
        if group := whole(track.get("group_id", 0), f"{where}: group_id"):
            key = group if grouped else ("group", group)
        left_out.update(item.tag for item in track if item.tag in _OTHERS)
        for item in track:
            if item.tag not in _SHAPES or _flag(item, "outside", where):
                continue
            frame = whole(item.get("frame"), f"{where}: frame")
            at = f"{where}, frame {frame}"
            shape = _shape(item, at, target)
            yield Mark(frame, key, track.get("label"), shape, at, _flag(item, "keyframe", where, True))


def _in_images(root: Element, path: Path, target: Target, left_out: Counter[str]) -> Iterator[Mark]:
    images = list(root.iterfind("image"))
    names = []
    for i, image in enumerate(images):
        where, used = f"{path}: image {_name(image, i)}", any(item.tag in _SHAPES for item in image)
        if used and image.get("width") and image.get("height"):
            width, height = (whole(image.get(side), f"{where}: {side}") for side in ("width", "height"))
            target.check_size(width, height, where)
        names.append(FrameName(image.get("name"), whole(image.get("id"), f"{where}: id"), used))
    frames = target.frames(names, str(path)) if names else []
    for i, (image, frame) in enumerate(zip(images, frames)):
        left_out.update(item.tag for item in image if item.tag in _OTHERS)
        for nth, item in enumerate(item for item in image if item.tag in _SHAPES and frame is not None):
            where = f"{path}: image {_name(image, i)}, shape {nth}"
            yield Mark(frame or 0, _key(item, where), item.get("label"), _shape(item, where, target), where)


def _name(image: Element, place: int) -> str:
    return image.get("name", str(place))[-60:]


def _key(item: Element, where: str) -> Hashable | None:
    for attribute in item.iterfind("attribute"):
        if attribute.get("name") in _TRACK_ATTRIBUTES and attribute.text:
            text = attribute.text.strip()
            return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text
    group = whole(item.get("group_id", 0), f"{where}: group_id")
    return group or None


def _flag(item: Element, name: str, where: str, default: bool = False) -> bool:
    value = item.get(name, str(int(default))).strip().lower()
    if value not in ("0", "1", "true", "false"):
        raise PromptError(f"{where}: {name} must be 0 or 1, not '{value[:20]}'")
    return value in ("1", "true")


def _shape(item: Element, where: str, target: Target) -> Shape:
    values = Record(item.attrib, f"{where}: {item.tag}")
    if item.tag == "box":
        return _box(values)
    if item.tag == "mask":
        return _mask(values, target)
    if item.tag == "ellipse":
        cx, cy, rx, ry = (number(values.get(name), f"{values.where}: {name}") for name in ("cx", "cy", "rx", "ry"))
        if rx <= 0 or ry <= 0:
            raise PromptError(f"{values.where} is empty")
        return ellipse((cx, cy), (rx, ry), _rotation(values), target.size)
    points = _points(values)
    return Clicks(tuple(points)) if item.tag == "points" else polygons([points], target.size, values.where)


def _box(values: Record) -> Shape:
    names = ("xtl", "ytl", "xbr", "ybr")
    box = corner_box([number(values.get(name), f"{values.where}: {name}") for name in names], values.where)
    if not (degrees := _rotation(values)):
        return box
    x0, y0, x1, y1 = box.corners
    middle, turn = complex((x0 + x1) / 2, (y0 + y1) / 2), cmath.rect(1, math.radians(degrees))
    turned = [middle + (complex(x, y) - middle) * turn for x in (x0, x1) for y in (y0, y1)]
    return around([(corner.real, corner.imag) for corner in turned], values.where)


def _rotation(values: Record) -> float:
    return number(values.get("rotation") or 0, f"{values.where}: rotation")


def _mask(values: Record, target: Target) -> Area:
    """Run lengths of a rectangle of the frame, row by row, the first of background."""
    left, top, width, height = (
        whole(values.get(name), f"{values.where}: {name}") for name in ("left", "top", "width", "height")
    )
    if not (width and height) or left + width > target.size.width or top + height > target.size.height:
        raise PromptError(
            f"{values.where} of {width}x{height} pixels at {left},{top} does not fit into a frame of"
            f" {target.size.width}x{target.size.height}"
        )
    text = values.text("rle")

    def draw() -> Mask:
        runs = text.split(",")
        return placed(np.asarray(run_mask(runs, (height, width), values.where)), left, top, target.size)

    return Area(draw)


def _points(values: Record) -> list[Point]:
    words = [word for pair in values.text("points").split(";") if pair.strip() for word in pair.split(",")]
    if not words:
        raise PromptError(f"{values.where}: there are no points")
    return pairs([number(word, f"{values.where}: points") for word in words], values.where)
