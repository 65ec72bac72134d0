"""YOLO text: one file per frame, a line per object with its class and a box or polygon in fractions of the frame."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sam2long.errors import PromptError
from sam2long.running.prompts.files.marks import Area, Mark, Mask, Point, Shape
from sam2long.running.prompts.files.record import files_in, number, pairs, read_text, whole
from sam2long.running.prompts.files.shapes import check_ring, sized_box
from sam2long.running.prompts.files.target import FrameName, Target
from sam2long.tracking.prompting.prompts import FrameSize

NAME_FILES = ("classes.txt", "obj.names")
"""Names of the classes, one per line, in the folder of the labels or the one above."""
_NO_LABELS = (*NAME_FILES, "train.txt", "valid.txt", "val.txt", "test.txt", "readme.txt")
_INSIDE = ("labels", "obj_train_data")
_DATA_FILES = ("data.yaml", "dataset.yaml")
LEAST = 5
"""Words of a line with a box."""
_MOST = 1.5
"""Largest number that can be a fraction of the frame; objects may reach beyond its border."""

_ROUNDING = 0.02
"""Pixels that a coordinate may lack because it was written with five or six digits."""

Line = tuple[str, list[str]]
"""Where a line is, and its words."""


def read_yolo(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read one file of labels, for the frame that its name says.

    A line is `class x y width height`, with the centre of the box, or `class x0 y0 x1 y1 x2 y2 ...`. A confidence may
    follow, and the track id that Ultralytics writes; without it, the file does not say which objects are the same.

    Raises:
        PromptError: a line is neither, or the name is of no frame.
    """
    return _read([path], str(path), target)


def read_yolo_folder(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read all files of labels of a folder, see `label_files` and `read_yolo`."""
    return _read(label_files(path), str(path), target)


def label_files(folder: Path) -> list[Path]:
    """The files of labels in a folder, or in the one inside that Ultralytics or Darknet (as CVAT exports it) has."""
    for place in (folder, *(folder / name for name in _INSIDE)):
        files = files_in(place, ".txt") if place.is_dir() else []
        if found := [file for file in files if file.name.lower() not in _NO_LABELS]:
            return found
    return []


def _read(files: Sequence[Path], where: str, target: Target) -> list[Mark]:
    lines = [_lines(file) for file in files]
    tracked = any(_is_track_id(words) for found in lines for _, words in found)
    names = _class_names(files[0].parent)
    frames = target.frames([FrameName(file.name, used=bool(found)) for file, found in zip(files, lines)], where)
    marks = []
    for frame, found in zip(frames, lines):
        for at, words in found if frame is not None else ():
            key = whole(words.pop(), f"{at}: track id") if tracked else None
            index = whole(words[0], f"{at}: class")
            label = names[index] if index < len(names) else f"class {index}"
            marks.append(Mark(frame or 0, key, label, _shape(words[1:], at, target), at))
    return marks


def _lines(file: Path) -> list[Line]:
    lines = enumerate(read_text(file).splitlines(), 1)
    return [(f"{file}, line {i}", line.split()) for i, line in lines if line.strip()]


def _is_track_id(words: Sequence[str]) -> bool:
    """Whether the last word can be no fraction of a frame and no confidence."""
    last = words[-1]
    return len(words) > LEAST and last.isascii() and last.isdecimal() and len(last) < 10 and int(last) > 1


def _shape(words: Sequence[str], where: str, target: Target) -> Shape:
    """A box from 4 words, or a polygon from 6 or more; one more is a confidence."""
    values = [number(word, f"{where}: every value") for word in words]
    if len(values) < LEAST - 1:
        raise PromptError(f"{where}: expected a class and 4 numbers, or 6 and more, not {len(values)}")
    if len(values) % 2:
        values.pop()
    if not all(1 - _MOST <= value <= _MOST for value in values):
        raise PromptError(f"{where}: expected fractions of the frame, from 0 to 1")
    width, height = target.size.width, target.size.height
    if len(values) == LEAST - 1:
        x, y, across, down = values
        box = [(x - across / 2) * width, (y - down / 2) * height, across * width, down * height]
        return sized_box(box, where)
    ring = [(x * width, y * height) for x, y in pairs(values, where)]
    check_ring(ring, target.size, where)
    return Area(partial(_filled, ring, target.size))


def _filled(ring: Sequence[Point], size: FrameSize) -> Mask:
    """A polygon as Ultralytics fills it for training: between whole pixels, and with those under the outline."""
    import cv2

    mask = np.zeros((size.height, size.width), np.uint8)
    cv2.fillPoly(mask, [np.floor(np.array(ring) + _ROUNDING).astype(np.int32)], 1)
    return mask.astype(np.bool_)


def _class_names(folder: Path) -> list[str]:
    for place in (folder, folder.parent, folder.parent.parent):
        for name in NAME_FILES:
            if (place / name).is_file():
                return [line.strip() for line in read_text(place / name).splitlines()]
        for name in _DATA_FILES:
            if (place / name).is_file():
                return _names_in_yaml(read_text(place / name))
    return []


def _names_in_yaml(text: str) -> list[str]:
    """The `names` of an Ultralytics data set, in each of the three ways in which they are written."""
    block = re.search(r"^names:[ \t]*(\[[^\]]*\])?((?:\n[ \t]*(?:-|[0-9]+:)[^\n]*)*)", text, re.MULTILINE)
    if block is None:
        return []
    if block[1]:
        return [_unquoted(word) for word in block[1][1:-1].split(",") if word.strip()]
    return [_unquoted(re.sub(r"^\s*(?:-|[0-9]+:)", "", line)) for line in block[2].split("\n")[1:]]


def _unquoted(word: str) -> str:
    word = word.strip()
    try:
        return str(json.loads(word)) if word.startswith('"') else word.strip("'")
    except ValueError:
        return word.strip('"')
