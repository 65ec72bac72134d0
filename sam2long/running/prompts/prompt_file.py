"""Reads prompts from a JSON file; docs/prompts.md describes the schema."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sam2long.errors import PromptError
from sam2long.running.prompts.files.record import MOST_NUMBER, parse_json, read_text, shown
from sam2long.running.prompts.grammar import check_box, read_masks
from sam2long.running.prompts.parsed import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from sam2long.tracking.style import MOST_NAME

_KEYS = ("frame", "object", "name", "points", "labels", "box", "mask")


def read_prompt_file(path: Path) -> list[Prompt]:
    """Read `{"prompts": [{"frame": 0, "object": 1, "box": [x0, y0, x1, y1]}, ...]}`.

    Each entry has points (with labels), a box (with or without points), or a mask file relative to the folder of
    `path`.

    Raises:
        PromptError: the file is unreadable, not JSON (with the line), or has an invalid entry (with its index).
    """
    return parse_prompt_file(parse_json(read_text(path), path), path)


def parse_prompt_file(content: Any, path: Path) -> list[Prompt]:
    """Parse the content of the prompt file `path`; raises PromptError."""
    if not isinstance(content, dict) or list(content) != ["prompts"] or not isinstance(content["prompts"], list):
        raise PromptError(f'{path}: expected {{"prompts": [...]}} and no other keys at the top level')
    return parse_entries(content["prompts"], str(path), path.parent)


def parse_entries(entries: Sequence[Any], where: str, folder: Path) -> list[Prompt]:
    """Parse the entries of a prompt file; `where` starts messages, and mask files are relative to `folder`.

    Raises:
        PromptError: there are none, or one is invalid (with its index).
    """
    if not entries:
        raise PromptError(f"{where}: the list of prompts is empty")
    prompts: list[Prompt] = []
    for number, entry in enumerate(entries):
        prompts += _Entry(entry, f"{where}: prompts[{number}]", folder).prompts()
    return prompts


def parse_entry(entry: Any, where: str, folder: Path) -> list[Prompt]:
    """Parse one entry of a prompt file; see `parse_entries`.

    Raises:
        PromptError: it is not valid.
    """
    return _Entry(entry, where, folder).prompts()


class _Entry:
    """One entry of the list; `where` identifies it in messages."""

    def __init__(self, entry: Any, where: str, folder: Path) -> None:
        if not isinstance(entry, dict):
            raise PromptError(f"{where}: expected an object in braces, {{...}}")
        for key in entry:
            if key not in _KEYS:
                raise PromptError(f"{where}: unknown key '{key[:40]}'; known: {', '.join(_KEYS)}")
        self._entry = entry
        self._where = where
        self._folder = folder

    def prompts(self) -> list[Prompt]:
        """Return the prompts of this entry."""
        has_points, has_box, has_mask = (key in self._entry for key in ("points", "box", "mask"))
        if not (has_points or has_box or has_mask):
            raise PromptError(f"{self._where}: expected points, a box or a mask")
        if has_mask and (has_points or has_box):
            raise PromptError(f"{self._where}: a mask cannot be combined with points or a box")
        if "labels" in self._entry and not has_points:
            raise PromptError(f"{self._where}: labels need points")
        name = self._name()
        if has_mask:
            return [replace(mask, name=name) for mask in self._masks()]
        return [
            *(replace(box, name=name) for box in (self._box() if has_box else ())),
            *(replace(point, name=name) for point in (self._points() if has_points else ())),
        ]

    def _name(self) -> str | None:
        name = self._entry.get("name")
        if "name" in self._entry and not (isinstance(name, str) and name.strip() and len(name) <= MOST_NAME):
            raise PromptError(f"{self._where}: name must be text of 1 to {MOST_NAME} characters")
        return name

    def _masks(self) -> list[MaskPrompt]:
        name = self._entry["mask"]
        if not isinstance(name, str) or not name:
            raise PromptError(f"{self._where}: mask must be the path of an image file")
        object_id = self._whole("object", least=1) if "object" in self._entry else None
        return read_masks(self._folder / name, self._frame(), object_id, self._where)

    def _box(self) -> list[BoxPrompt]:
        x0, y0, x1, y1 = self._numbers(self._entry["box"], 4, "box", "x0, y0, x1, y1")
        check_box((x0, y0, x1, y1), self._where)
        return [BoxPrompt(frame=self._frame(), object_id=self._whole("object", least=1), box=(x0, y0, x1, y1))]

    def _points(self) -> list[PointPrompt]:
        points = self._entry["points"]
        if not isinstance(points, list) or not points:
            raise PromptError(f"{self._where}: points must be a list of at least one [x, y]")
        labels = self._labels(len(points))
        frame, object_id = self._frame(), self._whole("object", least=1)
        places = (self._numbers(point, 2, f"points[{number}]", "x, y") for number, point in enumerate(points))
        return [
            PointPrompt(frame=frame, object_id=object_id, x=x, y=y, label=label)
            for (x, y), label in zip(places, labels, strict=True)
        ]

    def _labels(self, count: int) -> list[int]:
        labels = self._entry.get("labels", [1] * count)
        if not isinstance(labels, list) or len(labels) != count:
            raise PromptError(f"{self._where}: labels must be a list of one label per point, {count} in all")
        for number, label in enumerate(labels):
            if isinstance(label, bool) or label not in (0, 1):
                raise PromptError(f"{self._where}: labels[{number}] must be 1 (on the object) or 0 (not on it)")
        return [int(label) for label in labels]

    def _frame(self) -> int:
        return self._whole("frame", least=0) if "frame" in self._entry else 0

    def _whole(self, key: str, least: int) -> int:
        if key not in self._entry:
            raise PromptError(f"{self._where}: '{key}' is missing")
        value = self._entry[key]
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise PromptError(f"{self._where}: {key} must be a whole number of at least {least}, not {shown(value)}")
        if value > MOST_NUMBER:
            raise PromptError(f"{self._where}: {key} has more than 9 digits")
        return value

    def _numbers(self, values: Any, count: int, name: str, wanted: str) -> list[float]:
        if not isinstance(values, list) or len(values) != count or not all(_is_number(value) for value in values):
            raise PromptError(f"{self._where}: {name} must be [{wanted}], {count} finite numbers")
        return [float(value) for value in values]


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False
