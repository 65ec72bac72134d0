"""LVOS's evaluator: objects with their own ranges of frames, and means over seen and unseen videos."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sam2long.errors import ConfigError, DatasetError
from sam2long.evaluation.reporting.sheet import ScoreSheet
from sam2long.evaluation.scoring.rules import ObjectScore

META = "valid_meta.json"
FRAME_STEP = 5
YEARS = (2024, 2022)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UNSEEN_ALWAYS = _words("""
R3UJGYwy K3OUeINk 058oeZ2p xpI7xRWN FiRTBMg2 nfcT3owb JGG6MrhF yfzVCnvU 6mNj04tC yWnanBID v3uNUctx 49TNsJzk gw84JOqH
711gAS21 dtHbJvYy tAyQIobn vJ8W2TO5 FmzvB44A 8lxxCA5h N6CONZUW Oj1z5fO0 gdqCcvs2 LWVlKBlK yxCvN6OJ pMntJwSQ
""")
_UNSEEN_SINCE_2024 = _words("""
p9RjdKoh 9NA8c5C3 m37l7ti1 nwflTTf1 LY2zehlH beR0WT11 afoR2rH6 xQZlxhxV o36i3YWC cdzAjcuN IlvtT6D6 YfoFnMgm FiQUhyRi
9oLyy7aJ 9RoNInYO wrrX6bxv q2HE4zaM rvwT3piq ZFqAoImI bwcKqVSN QE1wMR58 eEcUJVBZ Qf9YVXOW SRRojucs PQfn7XV2 3bvEjhOT
""")
UNSEEN_VIDEOS = {
    2024: _UNSEEN_ALWAYS | _UNSEEN_SINCE_2024,
    2022: _UNSEEN_ALWAYS | {"UtEnRpiP", "aFytsETk"},
}
"""Names of the videos of categories that LVOS's training split does not have, by the evaluator's year."""


@dataclass(frozen=True)
class ObjectRange:
    """Frames of one object: `start`, `start` + 5, ... below `end`; `count` of them."""

    object_id: int
    start: int
    end: int
    count: int

    @property
    def frames(self) -> list[str]:
        """Names of its frames."""
        return [f"{number:08d}" for number in range(self.start, self.end, FRAME_STEP)]


def read_meta(path: Path) -> dict[str, list[ObjectRange]]:
    """Read the objects of every video from `valid_meta.json`.

    Raises:
        DatasetError: missing, or not laid out as LVOS's is.
    """
    try:
        videos = json.loads(path.read_text(encoding="utf-8"))["videos"]
        return {name: [_range(key, entry) for key, entry in video["objects"].items()] for name, video in videos.items()}
    except FileNotFoundError as error:
        raise DatasetError(
            f"there is no {path}; LVOS keeps it in the folder of the split, beside Annotations"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{path} is not LVOS's: expected videos > name > objects > id > frame_range with start, end and "
            f"frame_nums ({type(error).__name__}: {error})"
        ) from error


def _range(key: str, entry: dict[str, Any]) -> ObjectRange:
    numbers = entry["frame_range"]
    return ObjectRange(int(key), int(numbers["start"]), int(numbers["end"]), int(numbers["frame_nums"]))


@dataclass(frozen=True)
class LvosRule:
    """LVOS's evaluator of 2024 (each object's first and last frame left out) or 2022 (all its frames).

    The data set's J and F are the means of those over seen and over unseen objects.

    Attributes:
        ranges: the objects of every video.
        year: 2024 or 2022.
    """

    ranges: dict[str, list[ObjectRange]] = field(repr=False)
    year: int = 2024
    name: str = "lvos"
    title: str = "LVOS evaluator"
    all_frames: bool = True

    def __post_init__(self) -> None:
        if self.year not in YEARS:
            raise ConfigError(f"there is no LVOS rule of {self.year}; choose 2024 or 2022")

    def objects(self, sheet: ScoreSheet) -> list[ObjectScore]:
        """The objects of the meta file."""
        rows = {row.frame: row for row in sheet.rows}
        group = "unseen" if sheet.video in UNSEEN_VIDEOS[self.year] else "seen"
        scores = []
        for item in self.ranges[sheet.video]:
            names = self._counted(sheet.video, item)
            absent = [name for name in names if name not in rows]
            if absent:
                raise DatasetError(f"{sheet.video}: {META} speaks of frame {absent[0]}, of which there is no mask")
            cells = [rows[name].cell(item.object_id) for name in names]
            j, f = (np.array([getattr(cell, value) for cell in cells], np.float64) for value in ("j", "f"))
            total = item.count - 2 if self.year == 2024 else item.count
            scores.append(ObjectScore(sheet.video, item.object_id, j, f, tuple(names), group, total))
        return scores

    def figures(self, objects: Sequence[ObjectScore]) -> dict[str, float]:
        """J&F, J, F and V, each the mean of seen and unseen, and the four they come from."""
        groups = {name: [item for item in objects if item.group == name] for name in ("seen", "unseen")}
        parts = {
            f"{letter} {name}": 100 * float(np.mean([value(item) for item in members])) if members else float("nan")
            for letter, value in (("J", _mean_j), ("F", _mean_f), ("V", variation))
            for name, members in groups.items()
        }
        j, f, v = ((parts[f"{letter} seen"] + parts[f"{letter} unseen"]) / 2 for letter in "JFV")
        return {"J&F": (j + f) / 2, "J": j, "F": f, "V": v, **parts}

    def _counted(self, video: str, item: ObjectRange) -> list[str]:
        names = item.frames
        if len(names) > item.count:
            raise DatasetError(
                f"{video}: {META} gives object {item.object_id} {item.count} frames, but {len(names)} lie in its range"
            )
        if self.year == 2022:
            return names
        return [name for number, name in enumerate(names) if 0 < number != item.count - 1]


def variation(item: ObjectScore) -> float:
    """LVOS's V: standard deviation of J&F over the frames, its square rounded to four digits."""
    both = np.zeros(item.total)
    both[: len(item.j)] = (item.j + item.f) / 2
    return float(np.sqrt(np.round(np.mean((both.mean() - both) ** 2), 4)))


def _mean_j(item: ObjectScore) -> float:
    return item.mean_j


def _mean_f(item: ObjectScore) -> float:
    return item.mean_f
