"""LabelMe JSON: one file per image, with polygons, rectangles, circles, points and masks."""

from __future__ import annotations

import base64
import binascii
import io
import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from sam2long.errors import PromptError
from sam2long.running.prompts.files.marks import Area, Clicks, Mark, Mask, Point, Shape
from sam2long.running.prompts.files.record import Record, files_in, number, numbers, parse_json, read_text, shown
from sam2long.running.prompts.files.shapes import around, check_ring, placed
from sam2long.running.prompts.files.target import FrameName, Target
from sam2long.tracking.prompting.prompts import FrameSize

_AREAS = ("polygon", "oriented_rectangle", "rotation")
_LINES = ("line", "linestrip")


def read_labelme(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read a file of LabelMe; a frame is found by `imagePath`.

    Shapes of the same label and `group_id` are one object, on all frames. Lines are left out with a warning.

    Raises:
        PromptError: the file is not as it should be, or is for another video.
    """
    return _read([(path, content)], str(path), target)


def read_labelme_folder(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read all JSON files of a folder, one per frame; see `read_labelme`."""
    files = files_in(path, ".json")
    return _read([(file, parse_json(read_text(file), file)) for file in files], str(path), target)


def _read(files: Sequence[tuple[Path, Any]], where: str, target: Target) -> list[Mark]:
    records = [Record(content, str(path)) for path, content in files]
    shapes = [record.records("shapes") for record in records]
    for record, found in zip(records, shapes):
        if found and "imageWidth" in record and "imageHeight" in record:
            target.check_size(record.whole("imageWidth"), record.whole("imageHeight"), record.where)
    names = [
        FrameName(record.text("imagePath") if "imagePath" in record else path.stem, used=bool(found))
        for (path, _), record, found in zip(files, records, shapes)
    ]
    keys = _keys([shape for found in shapes for shape in found])
    marks: list[Mark] = []
    left_out: Counter[str] = Counter()
    for frame, found in zip(target.frames(names, where), shapes):
        for shape in found if frame is not None else ():
            kind = shape.text("shape_type", "polygon")
            if kind in _LINES:
                left_out[kind] += 1
                continue
            drawn = _shape(shape, kind, target.size)
            marks.append(Mark(frame or 0, keys[_instance(shape)], shape.text("label"), drawn, shape.where))
    if left_out:
        kinds = ", ".join(f"{count} {kind}" for kind, count in left_out.items())
        warnings.warn(f"{where}: left out {kinds}; lines cannot be prompts", stacklevel=2)
    return marks


def _instance(shape: Record) -> tuple[str, Hashable | None]:
    group = shape.whole("group_id") if "group_id" in shape else None
    return shape.text("label"), group


def _keys(shapes: Sequence[Record]) -> dict[tuple[str, Hashable | None], Hashable | None]:
    """The group as the object's key, with the label where several labels share it; None without a group."""
    labels = defaultdict(set)
    for label, group in map(_instance, shapes):
        labels[group].add(label)
    keys: dict[tuple[str, Hashable | None], Hashable | None] = {}
    for group, names in labels.items():
        keys |= {(name, group): group if group is None or len(names) == 1 else (name, group) for name in names}
    return keys


def _shape(shape: Record, kind: str, size: FrameSize) -> Shape:
    points = _points(shape)
    if kind in _AREAS:
        check_ring(points, size, shape.where)
        return _drawn(size, lambda draw: draw.polygon(points, fill=1, outline=1))
    if kind == "rectangle" and len(points) in (2, 4):
        return around(points, shape.where)
    if kind == "circle" and len(points) == 2:
        radius = math.dist(*points)
        if not 0 < radius <= size.width + size.height:
            raise PromptError(f"{shape.where}: the circle is empty, or larger than the frame")
        (x, y), _ = points
        return _drawn(
            size, lambda draw: draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1, outline=1)
        )
    if kind in ("point", "points"):
        return Clicks(tuple(points))
    if kind == "mask" and len(points) == 2:
        return _mask(shape, points[0], size)
    if kind in ("rectangle", "circle", "mask"):
        raise PromptError(f"{shape.where}: a {kind} needs 2 points, not {len(points)}")
    raise PromptError(f"{shape.where}: unknown shape_type {shown(kind)}")


def _drawn(size: FrameSize, paint: Callable[[ImageDraw.ImageDraw], None]) -> Area:
    """Area as LabelMe itself fills it: the pixels under the outline belong to it."""

    def draw() -> Mask:
        image = Image.new("1", (size.width, size.height))
        paint(ImageDraw.Draw(image))
        return np.array(image, np.bool_)

    return Area(draw)


def _points(shape: Record) -> list[Point]:
    points = []
    for i, item in enumerate(shape.items("points")):
        where = f"{shape.where}: points[{i}]"
        x, y = (number(value, where) for value in numbers(item, where, 2))
        points.append((x, y))
    if not points:
        raise PromptError(f"{shape.where}: there are no points")
    return points


def _mask(shape: Record, corner: Point, size: FrameSize) -> Area:
    """A mask stored as a PNG in base64, with its upper left pixel at `corner`."""
    text = shape.text("mask")
    left, top = (round(value) for value in corner)

    def draw() -> Mask:
        try:
            with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"]) as image:
                if image.width > size.width + 1 or image.height > size.height + 1:
                    raise PromptError(f"{shape.where}: the mask of {image.width}x{image.height} is larger than a frame")
                patch = np.asarray(image.convert("L")) > 0
        except (OSError, SyntaxError, ValueError, binascii.Error, Image.DecompressionBombError) as error:
            raise PromptError(f"{shape.where}: the mask cannot be read as a PNG in base64 ({error})") from None
        return placed(patch, left, top, size)

    return Area(draw)
