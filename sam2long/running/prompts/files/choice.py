"""From marks to prompts: which marks of an object are taken, and which number it gets."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from sam2long.errors import ConfigError, PromptError
from sam2long.results.labels import CLASS
from sam2long.running.prompts.files.marks import Area, Box, Clicks, Mark, Point
from sam2long.running.prompts.files.record import MOST_NUMBER
from sam2long.running.prompts.files.target import Target
from sam2long.running.prompts.parsed import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from sam2long.tracking.style import MOST_NAME

_ROUNDING = 1.0
"""Pixels by which a box or a point may lie outside of the frame without a word: other tools round."""


@dataclass(frozen=True)
class PromptFrames:
    """Which marked frames of an object become prompts: every `step`-th from the first on, or only the first if None."""

    step: int | None = None

    @classmethod
    def parse(cls, text: str) -> PromptFrames:
        """Read "first", "all" or a number; raises ConfigError."""
        word = text.strip().lower()
        if word in ("first", "all"):
            return cls(None if word == "first" else 1)
        if not (word.isascii() and word.isdecimal() and len(word) < 10 and int(word)):
            raise ConfigError(f"--prompt-frames must be first, all or a number from 1, not '{text}'")
        return cls(int(word))

    def of(self, frames: Sequence[int]) -> set[int]:
        """Return those of the frames, which are in order, that become prompts."""
        return set(frames[:1] if self.step is None else frames[:: self.step])


FIRST = PromptFrames()
"""Only the first marked frame of each object."""


def taken(marks: Sequence[Mark], frames: PromptFrames) -> list[Mark]:
    """Return those of the marks, which have keys, that become prompts, in order of frames."""
    ordered = sorted(marks, key=lambda mark: mark.frame)
    keyframes: dict[Hashable, dict[int, bool]] = {}
    for mark in ordered:
        at = keyframes.setdefault(mark.key, {})
        at[mark.frame] = at.get(mark.frame, False) or mark.keyframe
    wanted = {key: frames.of([f for f in at if at[f]] or list(at)) for key, at in keyframes.items()}
    return [mark for mark in ordered if mark.frame in wanted[mark.key]]


def as_prompts(marks: Sequence[Mark], target: Target, path: Path) -> list[Prompt]:
    """Return the prompts of marks that have keys, in order of frames.

    A label becomes the object's name, unless it is "object", as our own writers call objects without a name.
    Areas of an object on one frame are joined into one mask; next to an area, its boxes and points say nothing more.

    Raises:
        PromptError: an area has no pixel.
    """
    numbers = _numbers(mark.key for mark in marks)
    names: dict[Hashable, str] = {}
    for mark in marks:
        if mark.label and mark.label.strip() not in ("", CLASS):
            names.setdefault(mark.key, mark.label.strip()[:MOST_NAME])
    prompts: list[Prompt] = []
    ordered = sorted(marks, key=lambda mark: (mark.frame, numbers[mark.key]))
    for (frame, number), group in groupby(ordered, key=lambda mark: (mark.frame, numbers[mark.key])):
        same = list(group)
        prompts += _object(same, frame, number, names.get(same[0].key), target, path)
    return prompts


def _object(
    marks: list[Mark], frame: int, number: int, name: str | None, target: Target, path: Path
) -> Iterable[Prompt]:
    masks = []
    for mark in marks:
        if isinstance(mark.shape, Area):
            masks.append(mark.shape.draw())
            if not masks[-1].any():
                raise PromptError(f"{mark.where}: covers no pixel")
    if masks:
        yield MaskPrompt(frame, number, path, np.logical_or.reduce(masks), name=name, drawn=True)
        return
    for mark in marks:
        if isinstance(mark.shape, Box):
            x0, y0, x1, y1 = mark.shape.corners
            corners = *_snapped((x0, y0), target), *_snapped((x1, y1), target)
            yield BoxPrompt(frame, number, corners, name=name)
        elif isinstance(mark.shape, Clicks):
            for point in mark.shape.points:
                yield PointPrompt(frame, number, *_snapped(point, target), 1, name=name)


def _snapped(point: Point, target: Target) -> Point:
    x, y = (
        float(min(max(value, 0), side)) if -_ROUNDING <= value <= side + _ROUNDING else value
        for value, side in zip(point, (target.size.width, target.size.height))
    )
    return x, y


def with_keys(marks: Sequence[Mark], where: str) -> list[Mark]:
    """Give keys to marks that have none: by label if that is on no frame twice, else by order on its first frame.

    Raises:
        PromptError: there are no marks.
    """
    if not marks:
        raise PromptError(f"{where}: nothing is marked")
    counts = Counter((mark.frame, mark.label) for mark in marks if mark.key is None)
    twice = {label for (_, label), count in counts.items() if count > 1}
    first = {label: min(frame for frame, other in counts if other == label) for label in twice}
    keyed, left_out = [], 0
    for place, mark in enumerate(marks):
        if mark.key is not None:
            keyed.append(mark)
        elif mark.label not in twice:
            keyed.append(replace(mark, key=("label", mark.label)))
        elif mark.frame == first[mark.label]:
            keyed.append(replace(mark, key=("mark", place)))
        else:
            left_out += 1
    if left_out:
        warnings.warn(
            f"{where} does not say which marks belong to the same object: of labels that are on a frame more than once,"
            f" only the first frame is taken ({left_out} later mark{'s' * (left_out != 1)} left out)",
            stacklevel=4,
        )
    return keyed


def _numbers(keys: Iterable[Hashable]) -> dict[Hashable, int]:
    """Number objects as the file does, plus 1 if it counts from 0, or else from 1 in order of appearance."""
    ordered = list(dict.fromkeys(keys))
    given = [key for key in ordered if isinstance(key, int)]
    shift = int(0 in given)
    if not all(key >= 0 and key + shift <= MOST_NUMBER for key in given):
        given = []
    numbers: dict[Hashable, int] = {key: key + shift for key in given}
    free = max(numbers.values(), default=0)
    for key in ordered:
        if key not in numbers:
            free += 1
            numbers[key] = free
    return numbers
