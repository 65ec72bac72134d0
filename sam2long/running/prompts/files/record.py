"""Reads values of files that others wrote, and complains about each in one line that says where it is."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sam2long.errors import PromptError

MOST_NUMBER = 999_999_999
"""Largest frame or object number: nine digits, as on the command line."""


class Record:
    """A JSON object whose values are checked when they are read.

    Args:
        content: the JSON value.
        where: names it in messages, as in "labels.json: annotations[3]".

    Raises:
        PromptError: it is not an object.
    """

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, dict):
            raise PromptError(f"{where}: expected an object in braces, {{...}}")
        self._content = content
        self.where = where

    def __contains__(self, key: str) -> bool:
        """Whether the key has a value other than null."""
        return self._content.get(key) is not None

    def get(self, key: str) -> Any:
        """Return the value, None if it is missing; unchecked."""
        return self._content.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; raises PromptError if it is something else, or missing without a default."""
        value = self._content.get(key, default)
        if not isinstance(value, str):
            raise PromptError(f"{self.where}: {key} must be text, not {shown(value)}")
        return value

    def whole(self, key: str, least: int = 0) -> int:
        """Return a whole number of at least `least`; raises PromptError."""
        return whole(self._content.get(key), f"{self.where}: {key}", least)

    def numbers(self, key: str, count: int | None = None) -> list[float]:
        """Return a list of `count` numbers, or of any number of them; raises PromptError."""
        return numbers(self._content.get(key), f"{self.where}: {key}", count)

    def records(self, key: str) -> list[Record]:
        """Return a list of objects; raises PromptError."""
        return [Record(item, f"{self.where}: {key}[{i}]") for i, item in enumerate(self.items(key))]

    def items(self, key: str) -> list[Any]:
        """Return a list; raises PromptError."""
        value = self._content.get(key)
        if not isinstance(value, list):
            raise PromptError(f"{self.where}: {key} must be a list, not {shown(value)}")
        return value


def whole(value: Any, where: str, least: int = 0) -> int:
    """Return `value` as a whole number of `least` to nine digits, also if it is written as 3.0 or "3"; see `number`."""
    found = number(value, where)
    if found != math.floor(found) or not least <= found <= MOST_NUMBER:
        raise PromptError(f"{where} must be a whole number from {least} to {MOST_NUMBER}, not {shown(value)}")
    return int(found)


def number(value: Any, where: str) -> float:
    """Return `value`, a number or a text, as a finite number; raises PromptError."""
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise PromptError(f"{where} must be a finite number, not {shown(value)}")
    return found


def numbers(value: Any, where: str, count: int | None = None) -> list[float]:
    """Return a list of numbers, `count` of them if that is not None; raises PromptError."""
    if not isinstance(value, list) or (count is not None and len(value) != count):
        raise PromptError(
            f"{where} must be a list of {'' if count is None else f'{count} '}numbers, not {shown(value)}"
        )
    return [number(item, f"{where}[{i}]") for i, item in enumerate(value)]


def pairs(values: Sequence[float], where: str) -> list[tuple[float, float]]:
    """Return x, y, x, y, ... as points; raises PromptError if their number is odd."""
    if len(values) % 2:
        raise PromptError(f"{where}: {len(values)} numbers are not x, y, x, y, ...")
    return list(zip(values[::2], values[1::2]))


def shown(value: Any) -> str:
    """Return a value, at most 40 characters of it, for a message."""
    try:
        text = json.dumps(value, ensure_ascii=True)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def read_text(path: Path) -> str:
    """Return the content of a text file; raises PromptError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PromptError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise PromptError(f"{path}: not a UTF-8 text file") from None


def parse_json(text: str, path: Path) -> Any:
    """Return the content of a JSON file; raises PromptError that names the line."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise PromptError(f"{path}: bad JSON in line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (RecursionError, ValueError):
        raise PromptError(f"{path}: bad JSON: nested too deeply, or a number with thousands of digits") from None


def files_in(folder: Path, *suffixes: str) -> list[Path]:
    """Return the files of a folder with one of the suffixes, in natural order; raises PromptError."""
    from sam2long.video.images.image_source import natural_key

    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file()]
    except OSError as error:
        raise PromptError(f"{folder}: cannot be read ({error.strerror})") from None
    return sorted((path for path in found if not path.name.startswith(".")), key=natural_key)
