"""Reads summary.json: the description at its head, then the frames, without holding the whole file."""

from __future__ import annotations

import json
import math
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from sam2long.results.reading.mask_files import ResultsError
from sam2long.results.writers.folder import STAGING_NAME, SUMMARY

_FRAMES = '"frames": ['
"""How the line begins after which each line is a frame."""
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Scores:
    """Numbers of one object on one frame, rounded to six decimals; the area is in pixels."""

    iou: float
    object_score: float
    disagreement: float
    area: int


class ScoreTable:
    """Scores of all objects on all frames in flat arrays, since long videos have millions of them.

    Attributes:
        times: time in seconds by frame, in the order of the frames.
        images: names of image files by frame, where the frames have their own.
    """

    def __init__(self) -> None:
        self.times: dict[int, float] = {}
        self.images: dict[int, str] = {}
        self._spans: dict[int, tuple[int, int]] = {}
        self._ids, self._areas, self._numbers = array("q"), array("q"), array("d")

    def add(self, entry: dict[str, Any]) -> None:
        """Add an entry of `frames`."""
        frame, start = int(entry["frame"]), len(self._ids)
        self.times[frame] = float(entry["time"])
        if "image" in entry:
            self.images[frame] = str(entry["image"])
        for object_id, scores in entry["objects"].items():
            self._ids.append(int(object_id))
            self._areas.append(int(scores["area"]))
            for name in ("iou", "object_score", "disagreement"):
                self._numbers.append(math.nan if scores[name] is None else float(scores[name]))
        self._spans[frame] = start, len(self._ids)

    def ids(self, frame: int) -> list[int]:
        """Ids of the objects that exist on a frame, ascending."""
        return list(self._ids[slice(*self._spans[frame])])

    def scores(self, frame: int) -> dict[int, Scores]:
        """Scores of the objects that exist on a frame, by id."""
        return {self._ids[row]: self._row(row) for row in range(*self._spans[frame])}

    def _row(self, row: int) -> Scores:
        iou, object_score, disagreement = self._numbers[3 * row : 3 * row + 3]
        return Scores(iou, object_score, disagreement, self._areas[row])


def read_summary(folder: Path) -> tuple[dict[str, Any], ScoreTable]:
    """Read the summary of an output folder: everything but its frames, and these.

    Raises:
        ResultsError: there is no summary, or it is not one of a run.
    """
    path, table = folder / SUMMARY, ScoreTable()
    try:
        with path.open(encoding="utf-8") as file:
            head = _head(file)
            for line in file:
                table.add(json.loads(line.rstrip("\n").removesuffix("]}").removesuffix(",")))
        _check(head)
        return head, table
    except FileNotFoundError:
        killed = (folder / STAGING_NAME).exists()
        why = "a run is writing to it, or was killed" if killed else "sam2long track writes one into its output folder"
        raise ResultsError(f"{folder} has no {SUMMARY}: {why}") from None
    except OSError as error:
        raise ResultsError(f"{path} cannot be read: {error.strerror or error}") from error
    except _DAMAGE as error:
        raise ResultsError(f"{path} cannot be read as the summary of a run ({error!r})") from error


def _head(file: TextIO) -> dict[str, Any]:
    """Read up to the line after which each line is a frame."""
    lines = []
    for line in file:
        if line.startswith(_FRAMES):
            break
        lines.append(line)
    return dict(json.loads("".join(lines).rstrip().removesuffix(",") + "}"))


def _check(head: dict[str, Any]) -> None:
    """Raise an error of `_DAMAGE` if something is missing that is read later."""
    video = head["video"]
    sizes = [video["width"], video["height"], *head["objects"]]
    if not all(type(number) is int and number > 0 for number in sizes) or not float(video["fps"]) > 0:
        raise ValueError("a size, an object id or the frame rate is not a positive number")
    for name, kind in (("settings", dict), ("complete", bool)):
        if not isinstance(head[name], kind):
            raise ValueError(f"{name!r} is {head[name]!r}")
    for object_id in head.get("names", {}):
        int(object_id)
    levels = head["settings"].get("levels")
    if levels is not None:
        low, high = levels
        float(low), float(high)
