"""MOT Challenge text: a line per box, `frame,id,left,top,width,height,confidence,...`, with frames from 1."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sam2long.errors import PromptError
from sam2long.running.prompts.files.marks import Mark
from sam2long.running.prompts.files.record import number, read_text, whole
from sam2long.running.prompts.files.shapes import sized_box
from sam2long.running.prompts.files.target import Target

PLACES = ("gt/gt.txt", "det/det.txt", "gt.txt", "det.txt")
"""Where the boxes are in the folder of a sequence."""
LEAST = 6
"""Fewest values of a line."""
_SEPARATOR = re.compile(r"\s*,\s*|\s+")


def read_mot(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read a file of boxes; `content` is its text.

    Frame 1 is the first of the video. Tracked boxes with a confidence of 0, which the benchmark ignores, and boxes
    outside of the frame are left out. An id of -1, as in `det.txt`, means that the file does not know the objects.

    Raises:
        PromptError: a line is not as it should be.
    """
    marks = []
    for i, line in enumerate(content.splitlines(), 1):
        if line.strip():
            mark = _mark(_SEPARATOR.split(line.strip().rstrip(",")), f"{path}, line {i}", target)
            marks += [] if mark is None else [mark]
    return marks


def read_mot_folder(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read the folder of a sequence: `gt/gt.txt`, else `det/det.txt`; see `read_mot`."""
    file = next(path / place for place in PLACES if (path / place).is_file())
    return read_mot(file, read_text(file), target)


def _mark(words: list[str], where: str, target: Target) -> Mark | None:
    if len(words) < LEAST:
        raise PromptError(f"{where}: expected frame,id,left,top,width,height,..., not {len(words)} values")
    frame = whole(words[0], f"{where}: frame", least=1) - 1
    identity = number(words[1], f"{where}: id")
    key = None if identity < 0 else whole(words[1], f"{where}: id")
    if key is not None and len(words) > LEAST and number(words[6], f"{where}: confidence") == 0:
        return None
    box = sized_box([number(word, f"{where}: every value") for word in words[2:6]], where)
    x0, y0, x1, y1 = box.corners
    if x1 <= 0 or y1 <= 0 or x0 >= target.size.width or y0 >= target.size.height:
        return None
    return Mark(frame, key, None, box, where)
