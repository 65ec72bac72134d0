"""Keeps results on disk during a run, for files that can only be written at its end."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco

from sam2long.results.result import FrameResult
from sam2long.results.soft_mask import SoftMask

SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE frames (frame INTEGER PRIMARY KEY, time REAL);
CREATE TABLE objects (
    frame INTEGER, object_id INTEGER, counts BLOB, height INTEGER, width INTEGER, x REAL, y REAL, w REAL, h REAL,
    area INTEGER, iou REAL, object_score REAL, disagreement REAL, soft BLOB, PRIMARY KEY (frame, object_id)
) WITHOUT ROWID;
CREATE TABLE texts (
    file TEXT, first INTEGER, second INTEGER, third INTEGER, text TEXT, PRIMARY KEY (file, first, second, third)
) WITHOUT ROWID;
"""
COLUMNS = "counts, height, width, x, y, w, h, area, iou, object_score, disagreement, soft"


Key = tuple[int, int, int]


@dataclass(frozen=True)
class ObjectRecord:
    """One object on one frame.

    Attributes:
        counts: compressed COCO run lengths of the mask.
        height: height of the mask in pixels.
        width: width of the mask in pixels.
        bbox: (x, y, width, height) of the mask in pixels; zeros for an empty mask.
        area: number of pixels in the mask.
        iou: predicted IoU, 0..1.
        object_score: logit; > 0 means visible.
        disagreement: disagreement of the pathways, 0..1.
        packed_soft: the packed soft mask, if the result had one.
    """

    counts: bytes
    height: int
    width: int
    bbox: tuple[float, float, float, float]
    area: int
    iou: float
    object_score: float
    disagreement: float
    packed_soft: bytes | None = None

    def mask(self) -> npt.NDArray[np.bool_]:
        """Return the mask, bool [height, width]."""
        decoded: npt.NDArray[np.uint8] = coco.decode({"size": [self.height, self.width], "counts": self.counts})
        return decoded.astype(bool)

    def soft(self) -> SoftMask | None:
        """Return the soft mask, if the result had one."""
        return None if self.packed_soft is None else SoftMask.unpack(self.packed_soft, self.height, self.width)


class Spool:
    """Temporary database of run-length encoded `FrameResult`s; memory use does not grow with the number of frames."""

    def __init__(self, path: Path) -> None:
        # used by one thread at a time: first the writing thread, later the finishing one
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(SCHEMA)

    def add(self, result: FrameResult) -> bool:
        """Store a result; False if the frame is already stored, in which case the first result is kept."""
        if self._database.execute("SELECT 1 FROM frames WHERE frame = ?", (result.frame,)).fetchone():
            return False
        rows = [_row(result, object_id) for object_id in result.masks]
        self._database.executemany(f"INSERT INTO objects VALUES ({', '.join('?' * 14)})", rows)
        self._database.execute("INSERT INTO frames VALUES (?, ?)", (result.frame, result.time))
        return True

    def count(self) -> int:
        """Return the number of frames stored."""
        return int(self._database.execute("SELECT count(*) FROM frames").fetchone()[0])

    def frames(self) -> Iterator[tuple[int, float]]:
        """Yield (frame, time) in increasing order of frames."""
        yield from self._database.execute("SELECT frame, time FROM frames ORDER BY frame")

    def objects(self, frame: int) -> dict[int, ObjectRecord]:
        """Return the objects of one frame by id, in increasing order of ids."""
        query = f"SELECT object_id, {COLUMNS} FROM objects WHERE frame = ? ORDER BY object_id"
        return {row[0]: _record(row[1:]) for row in self._database.execute(query, (frame,))}

    def track(self, object_id: int) -> Iterator[ObjectRecord | None]:
        """Yield one object on every stored frame in increasing order; None where it does not exist yet."""
        query = (
            f"SELECT {COLUMNS} FROM frames LEFT JOIN objects"
            " ON objects.frame = frames.frame AND objects.object_id = ? ORDER BY frames.frame"
        )
        for row in self._database.execute(query, (object_id,)):
            yield None if row[0] is None else _record(row)

    def keep_text(self, file: str, key: Key, text: str) -> None:
        """Store a piece of a text file that can only be put together at the end."""
        self._database.execute("INSERT INTO texts VALUES (?, ?, ?, ?, ?)", (file, *key, text))

    def texts(self, file: str) -> Iterator[tuple[Key, str]]:
        """Yield the pieces of a text file with their keys, in increasing order of keys."""
        query = "SELECT first, second, third, text FROM texts WHERE file = ? ORDER BY first, second, third"
        for first, second, third, text in self._database.execute(query, (file,)):
            yield (first, second, third), text

    def close(self) -> None:
        """Close the database; never raises."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()


def _row(result: FrameResult, object_id: int) -> tuple[int | float | bytes | None, ...]:
    mask = result.masks[object_id]
    run_lengths = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    scores = result.scores[object_id], result.object_scores[object_id], result.disagreement[object_id]
    return (
        result.frame,
        object_id,
        run_lengths["counts"],
        *mask.shape,
        *(float(side) for side in coco.toBbox(run_lengths)),
        int(coco.area(run_lengths)),
        *(float(score) for score in scores),
        result.soft[object_id].packed() if object_id in result.soft else None,
    )


def _record(row: tuple[object, ...]) -> ObjectRecord:
    counts, height, width, x, y, w, h, area, *scores, soft = row
    # SQLite has no NaN and keeps NULL instead
    numbers = [math.nan if score is None else score for score in scores]
    return ObjectRecord(counts, height, width, (x, y, w, h), area, *numbers, soft)  # type: ignore[arg-type, call-arg]
