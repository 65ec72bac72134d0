"""Parses --point, --box and --mask: coordinates or a file, then `@FRAME` and `#OBJECT` in either order."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sam2long.errors import PromptError
from sam2long.running.prompts.parsed import BoxPrompt, MaskPrompt, PointPrompt, Prompt

# At most 9 digits: no video has larger frame or object numbers, and Python refuses to convert thousands of digits.
_SUFFIX = re.compile(r"(?P<sign>[@#])(?P<number>-?[0-9]{1,9})\Z")


@dataclass(frozen=True)
class _Suffixed:
    """A prompt's `text`, its `body` without suffixes, and their values; `object_id` is None if none was given."""

    text: str
    body: str
    frame: int
    object_id: int | None


def split_suffixes(text: str) -> _Suffixed:
    """Split `@FRAME` and `#OBJECT` off the end of a prompt, each at most once.

    A suffix needs digits after its sign, so file names may contain both signs.

    Raises:
        PromptError: the frame number is negative, or the object number is below 1.
    """
    body, numbers = text, {"@": 0}
    taken: set[str] = set()
    while (match := _SUFFIX.search(body)) and match["sign"] not in taken:
        taken.add(match["sign"])
        numbers[match["sign"]] = int(match["number"])
        body = body[: match.start()]
    _check_numbers(text, numbers["@"], numbers.get("#"))
    return _Suffixed(text=text, body=body, frame=numbers["@"], object_id=numbers.get("#"))


def parse_point(text: str) -> PointPrompt:
    """Parse `X,Y`, `X,Y,1` (on the object) or `X,Y,0` (not on it); the object is 1 unless given.

    Raises:
        PromptError: the text has another form.
    """
    split = split_suffixes(text)
    words = [word.strip() for word in split.body.split(",")]
    if len(words) not in (2, 3):
        raise PromptError(f"--point {text}: expected X,Y or X,Y,LABEL, not {len(words)} value{'s' * (len(words) != 1)}")
    if len(words) == 3 and words[2] not in ("0", "1"):
        raise PromptError(f"--point {text}: the label must be 1 (on the object) or 0 (not on it), not '{words[2]}'")
    x, y = (_number(word, f"--point {text}") for word in words[:2])
    label = int(words[2]) if len(words) == 3 else 1
    return PointPrompt(frame=split.frame, object_id=split.object_id or 1, x=x, y=y, label=label)


def parse_boxes(texts: Sequence[str]) -> list[BoxPrompt]:
    """Parse boxes `X0,Y0,X1,Y1`; a box without an object number gets the smallest one free on its frame.

    Raises:
        PromptError: a box is not four numbers, or has no area.
    """
    splits = [split_suffixes(text) for text in texts]
    taken = {(split.frame, split.object_id) for split in splits}
    boxes = []
    for split in splits:
        object_id = split.object_id or _free_number(split.frame, taken)
        taken.add((split.frame, object_id))
        boxes.append(BoxPrompt(frame=split.frame, object_id=object_id, box=_box(split)))
    return boxes


def parse_mask(text: str) -> list[MaskPrompt]:
    """Read a mask file, one object per colour; `#OBJECT` sets the id if the file holds a single object.

    Raises:
        PromptError: the file is unreadable or empty, or an object number is given for a file of several objects.
    """
    split = split_suffixes(text)
    return read_masks(Path(split.body), split.frame, split.object_id, f"--mask {text}")


def read_masks(path: Path, frame: int, object_id: int | None, where: str) -> list[MaskPrompt]:
    """Return one prompt per object of a mask file; `where` quotes the user's input in messages.

    Raises:
        PromptError: the file is unreadable or empty, or `object_id` is given for a file of several objects.
    """
    from sam2long.video.masks import read_mask_file

    masks = read_mask_file(path)
    if object_id is None:
        return [MaskPrompt(frame=frame, object_id=key, path=path, mask=mask) for key, mask in masks.items()]
    if len(masks) > 1:
        found = ", ".join(str(key) for key in masks)
        raise PromptError(f"{where}: the file has objects {found}; omit the number, or use a file with one object")
    return [MaskPrompt(frame=frame, object_id=object_id, path=path, mask=mask) for mask in masks.values()]


def parse_prompts(points: Iterable[str], boxes: Sequence[str], masks: Iterable[str]) -> list[Prompt]:
    """Parse all prompts of a command line.

    Raises:
        PromptError: a prompt cannot be parsed.
    """
    prompts: list[Prompt] = [parse_point(text) for text in points]
    prompts += parse_boxes(boxes)
    for text in masks:
        prompts += parse_mask(text)
    return prompts


def check_box(box: tuple[float, float, float, float], where: str) -> None:
    """Reject a box without area.

    Raises:
        PromptError: the corners coincide or are in the wrong order.
    """
    x0, y0, x1, y1 = box
    if x0 >= x1 or y0 >= y1:
        raise PromptError(f"{where}: the box is empty; expected X0,Y0,X1,Y1 with X0 < X1 and Y0 < Y1")


def _check_numbers(text: str, frame: int, object_id: int | None) -> None:
    if frame < 0:
        raise PromptError(f"{text}: frame {frame} does not exist; frames count from 0")
    if object_id is not None and object_id < 1:
        raise PromptError(f"{text}: object {object_id} does not exist; objects count from 1")


def _box(split: _Suffixed) -> tuple[float, float, float, float]:
    words = split.body.split(",")
    if len(words) != 4:
        raise PromptError(f"--box {split.text}: expected X0,Y0,X1,Y1, not {len(words)} value{'s' * (len(words) != 1)}")
    x0, y0, x1, y1 = (_number(word.strip(), f"--box {split.text}") for word in words)
    check_box((x0, y0, x1, y1), f"--box {split.text}")
    return x0, y0, x1, y1


def _number(word: str, where: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise PromptError(f"{where}: '{word}' is not a number") from None
    if not math.isfinite(value):
        raise PromptError(f"{where}: '{word}' is not a finite number")
    return value


def _free_number(frame: int, taken: set[tuple[int, int | None]]) -> int:
    number = 1
    while (frame, number) in taken:
        number += 1
    return number
