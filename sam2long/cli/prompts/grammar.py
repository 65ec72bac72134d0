"""The words of --point, --box and --mask: coordinates or a file, then `@FRAME` and `#OBJECT` in either order."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sam2long.cli.prompts.parsed import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from sam2long.errors import PromptError

# At most 9 digits: more is no frame or object of any video, and Python refuses to convert thousands of them.
_SUFFIX = re.compile(r"(?P<mark>[@#])(?P<number>-?[0-9]{1,9})\Z")


@dataclass(frozen=True)
class Marked:
    """A prompt's text without its suffixes; `object_id` is None where the user gave no number."""

    text: str
    body: str
    frame: int
    object_id: int | None


def split_suffixes(text: str) -> Marked:
    """Takes `@FRAME` and `#OBJECT` off the end of a prompt, each once at most.

    Only digits after the mark make a suffix, so file names may contain both marks.

    Raises:
        PromptError: a negative frame, or an object number below 1.
    """
    body, numbers = text, {"@": 0}
    taken: set[str] = set()
    while (match := _SUFFIX.search(body)) and match["mark"] not in taken:
        taken.add(match["mark"])
        numbers[match["mark"]] = int(match["number"])
        body = body[: match.start()]
    _check_numbers(text, numbers["@"], numbers.get("#"))
    return Marked(text=text, body=body, frame=numbers["@"], object_id=numbers.get("#"))


def parse_point(text: str) -> PointPrompt:
    """Reads `X,Y`, `X,Y,1` (on the object) or `X,Y,0` (not on it); without a number it belongs to object 1.

    Raises:
        PromptError: anything else.
    """
    marked = split_suffixes(text)
    words = [word.strip() for word in marked.body.split(",")]
    if len(words) not in (2, 3):
        raise PromptError(f"--point {text}: give X,Y or X,Y,LABEL, not {len(words)} value{'s' * (len(words) != 1)}")
    if len(words) == 3 and words[2] not in ("0", "1"):
        raise PromptError(f"--point {text}: the label must be 1 (on the object) or 0 (not on it), not '{words[2]}'")
    x, y = (_number(word, f"--point {text}") for word in words[:2])
    label = int(words[2]) if len(words) == 3 else 1
    return PointPrompt(frame=marked.frame, object_id=marked.object_id or 1, x=x, y=y, label=label)


def parse_boxes(texts: Sequence[str]) -> list[BoxPrompt]:
    """Reads boxes `X0,Y0,X1,Y1`; those without a number take the smallest one that no box of their frame has.

    Raises:
        PromptError: not four numbers, or no area.
    """
    marked = [split_suffixes(text) for text in texts]
    taken = {(mark.frame, mark.object_id) for mark in marked}
    boxes = []
    for mark in marked:
        object_id = mark.object_id or _free_number(mark.frame, taken)
        taken.add((mark.frame, object_id))
        boxes.append(BoxPrompt(frame=mark.frame, object_id=object_id, box=_box(mark)))
    return boxes


def parse_mask(text: str) -> list[MaskPrompt]:
    """Reads a mask file, every colour an object; `#OBJECT` names the object of a file that has only one.

    Raises:
        PromptError: an unreadable or empty file, or a number for a file of several objects.
    """
    marked = split_suffixes(text)
    return read_masks(Path(marked.body), marked.frame, marked.object_id, f"--mask {text}")


def read_masks(path: Path, frame: int, object_id: int | None, said: str) -> list[MaskPrompt]:
    """One prompt for every object in a mask file; `said` names the user's words in messages.

    Raises:
        PromptError: an unreadable or empty file, or an `object_id` for a file of several objects.
    """
    from sam2long.video.masks import read_mask_file

    masks = read_mask_file(path)
    if object_id is None:
        return [MaskPrompt(frame=frame, object_id=key, path=path, mask=mask) for key, mask in masks.items()]
    if len(masks) > 1:
        found = ", ".join(str(key) for key in masks)
        raise PromptError(f"{said}: the file has objects {found}; leave the number out, or give a file of one object")
    return [MaskPrompt(frame=frame, object_id=object_id, path=path, mask=mask) for mask in masks.values()]


def parse_prompts(points: Iterable[str], boxes: Sequence[str], masks: Iterable[str]) -> list[Prompt]:
    """Reads all prompts of a command line.

    Raises:
        PromptError: a prompt that cannot be read.
    """
    prompts: list[Prompt] = [parse_point(text) for text in points]
    prompts += parse_boxes(boxes)
    for text in masks:
        prompts += parse_mask(text)
    return prompts


def check_box(box: tuple[float, float, float, float], said: str) -> None:
    """Refuses a box without area.

    Raises:
        PromptError: the corners are equal or in the wrong order.
    """
    x0, y0, x1, y1 = box
    if x0 >= x1 or y0 >= y1:
        raise PromptError(f"{said}: the box is empty; give X0,Y0,X1,Y1 with X0 < X1 and Y0 < Y1")


def _check_numbers(text: str, frame: int, object_id: int | None) -> None:
    if frame < 0:
        raise PromptError(f"{text}: frame {frame} does not exist; frames count from 0")
    if object_id is not None and object_id < 1:
        raise PromptError(f"{text}: object {object_id} does not exist; objects count from 1")


def _box(marked: Marked) -> tuple[float, float, float, float]:
    words = marked.body.split(",")
    if len(words) != 4:
        raise PromptError(f"--box {marked.text}: give X0,Y0,X1,Y1, not {len(words)} value{'s' * (len(words) != 1)}")
    x0, y0, x1, y1 = (_number(word.strip(), f"--box {marked.text}") for word in words)
    check_box((x0, y0, x1, y1), f"--box {marked.text}")
    return x0, y0, x1, y1


def _number(word: str, said: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise PromptError(f"{said}: '{word}' is not a number") from None
    if not math.isfinite(value):
        raise PromptError(f"{said}: '{word}' is not a finite number")
    return value


def _free_number(frame: int, taken: set[tuple[int, int | None]]) -> int:
    number = 1
    while (frame, number) in taken:
        number += 1
    return number
