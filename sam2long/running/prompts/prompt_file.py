"""Reads prompts from a JSON file; docs/prompts.md describes the schema."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sam2long.errors import PromptError
from sam2long.running.prompts.grammar import check_box, parse_prompts, read_masks
from sam2long.running.prompts.parsed import BoxPrompt, MaskPrompt, PointPrompt, Prompt, object_prompts

_MOST = 999_999_999
"""Largest frame or object number: nine digits, as on the command line."""
_KEYS = ("frame", "object", "points", "labels", "box", "mask")


def read_prompt_file(path: Path) -> list[Prompt]:
    """Read `{"prompts": [{"frame": 0, "object": 1, "box": [x0, y0, x1, y1]}, ...]}`.

    Each entry has points (with labels), a box (with or without points), or a mask file relative to the folder of
    `path`.

    Raises:
        PromptError: the file is unreadable, not JSON (with the line), or has an invalid entry (with its index).
    """
    content = _load(path)
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


def read_prompts(
    points: Iterable[str], boxes: Sequence[str], masks: Iterable[str], path: Path | None, needed: bool = True
) -> list[Prompt]:
    """Read all prompts of a command line and, if `path` is given, of a file.

    Raises:
        PromptError: a prompt cannot be read, or there is none although one is needed.
    """
    prompts = parse_prompts(points, boxes, masks)
    if path is not None:
        prompts += read_prompt_file(path)
    if prompts or needed:
        object_prompts(prompts)
    return prompts


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise PromptError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise PromptError(f"{path}: not a UTF-8 text file") from None
    except json.JSONDecodeError as error:
        raise PromptError(f"{path}: bad JSON in line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (RecursionError, ValueError):
        raise PromptError(f"{path}: bad JSON: nested too deeply, or a number with thousands of digits") from None


class _Entry:
    """One entry of the list; `where` identifies it in messages."""

    def __init__(self, entry: Any, where: str, folder: Path) -> None:
        if not isinstance(entry, dict):
            raise PromptError(f"{where}: expected an object in braces, {{...}}")
        for key in entry:
            if key not in _KEYS:
                raise PromptError(f"{where}: unknown key '{key}'; known: {', '.join(_KEYS)}")
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
        if has_mask:
            return list(self._masks())
        return [*(self._box() if has_box else ()), *(self._points() if has_points else ())]

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
            raise PromptError(
                f"{self._where}: {key} must be a whole number of at least {least}, not {json.dumps(value)}"
            )
        if value > _MOST:
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
