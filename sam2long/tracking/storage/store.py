"""Stores a session's results on disk, a few kilobytes each, including outdated ones, which undo may need."""

from __future__ import annotations

import math
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import Any

from sam2long.errors import OutputError
from sam2long.results.observation import Observation
from sam2long.tracking.storage.scratch import ScratchFolder
from sam2long.tracking.track import Cut, Track

_BACKLOG = 64
"""Maximum number of results that wait to be packed and written, so that a slow disk cannot fill the memory."""

_PAGE = 128
"""Number of rows read at a time; must be larger than the number of rows that a frame can have."""


@dataclass(frozen=True)
class StoredResult:
    """The result of one object on one frame, without mask, logits and pointer.

    Attributes:
        object_id: of the object.
        frame: frame number.
        stride: of the propagation that produced it, negative when going backward.
        layer: number of edits made before it was produced.
        written: serial number, in the order of writing.
        time: presentation time in seconds.
        iou: predicted IoU, 0..1.
        object_score: a logit; > 0 means visible.
        disagreement: see `FrameResult`.
        lead: see `FrameResult`.
        area: of the mask, in pixels.
        prompted: whether the object has a prompt on this frame.
    """

    object_id: int
    frame: int
    stride: int
    layer: int
    written: int
    time: float
    iou: float
    object_score: float
    disagreement: float
    lead: float
    area: int
    prompted: bool

    def observed(self, scenes: Collection[tuple[int, int]]) -> Observation:
        """The result as an observation, for `review`; `scenes` as in `SceneCuts.found`."""
        return Observation(
            frame=self.frame,
            time=self.time,
            object_id=self.object_id,
            area=self.area,
            object_score=self.object_score,
            iou=self.iou,
            disagreement=self.disagreement,
            lead=self.lead,
            prompted=bool(self.prompted),
            new_scene=(1 if self.stride > 0 else -1, self.frame) in scenes,
        )


@dataclass(frozen=True)
class PackedResult:
    """Mask, logits and pointer of a result, packed; see `packing`."""

    mask: bytes
    logits: bytes
    pointer: bytes


@dataclass
class _Write:
    """A result that waits to be packed and written."""

    result: StoredResult
    pack: Callable[[], PackedResult]
    done: Future[None]


_COLUMNS = ", ".join(field.name for field in fields(StoredResult))
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE results (
    object_id INTEGER, frame INTEGER, stride INTEGER, layer INTEGER, written INTEGER, time REAL, iou REAL,
    object_score REAL, disagreement REAL, lead REAL, area INTEGER, prompted INTEGER,
    mask BLOB, logits BLOB, pointer BLOB,
    PRIMARY KEY (object_id, frame, stride, layer)
);
CREATE TABLE traces (
    object_id INTEGER, frame INTEGER, stride INTEGER, layer INTEGER, written INTEGER, row TEXT,
    PRIMARY KEY (object_id, frame, stride, layer)
) WITHOUT ROWID;
"""
_NEWEST = "ORDER BY layer DESC, written DESC"


class ResultStore:
    """A temporary database, deleted with the session. Results are packed and written on a separate thread.

    Args:
        folder: the database is created in a temporary folder inside this one, which is created if needed; by default
            inside the system's folder for temporary files (`TMPDIR`).

    Raises:
        OutputError: the folder cannot be used.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self._folder = _scratch(None if folder is None else Path(folder))
        self._lock = Lock()
        try:
            self._database = _new_database(self._folder.path / "results.sqlite")
        except OutputError:
            self._folder.close()
            raise
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="results")
        self._queue: deque[_Write] = deque()
        self._written = 0
        self._void: list[tuple[int, int]] = []

    def close(self) -> None:
        """Close and delete the database."""
        self._worker.shutdown()
        self._database.close()
        self._folder.close()

    def next_number(self) -> int:
        """Return the next serial number, the `written` of the next result or trace."""
        self._written += 1
        return self._written

    def put(self, result: StoredResult, pack: Callable[[], PackedResult]) -> None:
        """Store a result, replacing an earlier one of the same layer; `pack` runs on the writing thread.

        Raises:
            OutputError: this or an earlier result could not be written.
        """
        while self._queue and (len(self._queue) >= _BACKLOG or self._queue[0].done.done()):
            self._settle_oldest()
        self._queue.append(_Write(result, pack, self._worker.submit(self._write, result, pack)))

    def put_back(self, result: StoredResult, packed: PackedResult) -> None:
        """Store a result read from a session file, keeping its serial number."""
        self._written = max(self._written, result.written)
        self._write(result, lambda: packed)

    def put_trace(self, object_id: int, frame: int, stride: int, layer: int, row: str) -> None:
        """Store a row of an object's trace, as JSON."""
        values = (object_id, frame, stride, layer, self.next_number(), row)
        self._query("INSERT OR REPLACE INTO traces VALUES (?, ?, ?, ?, ?, ?)", values)

    def flush(self) -> None:
        """Wait until all results are written.

        Raises:
            OutputError: a result could not be written.
        """
        self._delete_void()
        while self._queue:
            self._settle_oldest()

    def _settle_oldest(self) -> None:
        """Wait for the oldest write, retrying it if it has failed. If it fails again it stays in the queue."""
        oldest = self._queue[0]
        if oldest.done.done() and oldest.done.exception() is not None:
            oldest.done = self._worker.submit(self._write, oldest.result, oldest.pack)
            oldest.done.result()
        oldest.done.result()
        self._queue.popleft()

    @property
    def written(self) -> int:
        """Serial number of the last result or trace; see `roll_back`."""
        return self._written

    def roll_back(self, written: int) -> None:
        """Delete everything stored since `written` had this value.

        Raises:
            OutputError: the database cannot be changed.
        """
        # The single thread works in order: once this is done, so is everything submitted before.
        self._worker.submit(lambda: None).result()
        self._queue = deque(write for write in self._queue if write.result.written <= written)
        self._void.append((written, self._written))
        self._delete_void()

    def _delete_void(self) -> None:
        """Delete rolled-back rows. If that fails, as on a full disk, it is retried before results are next read."""
        while self._void:
            for table in ("results", "traces"):
                self._query(f"DELETE FROM {table} WHERE written > ? AND written <= ?", self._void[-1])
            self._void.pop()

    def latest(self, track: Track, object_id: int, frame: int, stride: int | None = None) -> StoredResult | None:
        """The newest up-to-date result of a frame, of the given stride or of any if None; None without one."""
        self._delete_void()
        if any((write.result.object_id, write.result.frame) == (object_id, frame) for write in self._queue):
            self.flush()
        where = "object_id = ? AND frame = ?" + ("" if stride is None else " AND stride = ?")
        values = (object_id, frame) if stride is None else (object_id, frame, stride)
        return next(self._standing(track, f"WHERE {where} {_NEWEST}", values), None)

    def behind(self, track: Track, object_id: int, frame: int, stride: int) -> Iterator[StoredResult]:
        """Up-to-date results of one stride that come before `frame` in its direction, nearest first, one per frame."""
        self.flush()
        sign, order = ("<", "DESC") if stride > 0 else (">", "ASC")
        where = (
            f"WHERE object_id = ? AND stride = ? AND frame {sign} ? "
            f"ORDER BY frame {order}, layer DESC, written DESC LIMIT {_PAGE}"
        )
        while rows := self._rows(where, (object_id, stride, frame)):
            # A full page may end in the middle of a frame, so its last frame is left to the next page.
            whole = [row for row in rows if row.frame != rows[-1].frame] if len(rows) == _PAGE else rows
            standing = [row for row in whole if track.stands(row.layer, row.frame, row.stride)]
            yield from (
                row for row, before in zip(standing, [None, *standing]) if not before or before.frame != row.frame
            )
            frame = whole[-1].frame

    def every(self, track: Track, object_id: int) -> Iterator[StoredResult]:
        """All up-to-date results of an object, by frame, the newest of each frame first."""
        self.flush()
        where = f"WHERE object_id = ? AND frame > ? ORDER BY frame, layer DESC, written DESC LIMIT {_PAGE}"
        last = -1
        while rows := self._rows(where, (object_id, last)):
            # As in `behind`, a page's last frame is left to the next page.
            whole = [row for row in rows if row.frame != rows[-1].frame] if len(rows) == _PAGE else rows
            yield from (row for row in whole if track.stands(row.layer, row.frame, row.stride))
            last = whole[-1].frame

    def states(self, track: Track, object_id: int) -> Iterator[tuple[int, bool]]:
        """Every visited frame of an object, in order, and whether a result there is up to date."""
        self.flush()
        select = "SELECT frame, layer, stride FROM results WHERE object_id = ? ORDER BY frame"
        for frame, rows in groupby(self._query(select, (object_id,)), key=itemgetter(0)):
            results = [(layer, stride) for _, layer, stride in rows if track.visited(layer, frame, stride)]
            if results:
                yield frame, any(track.stands(layer, frame, stride) for layer, stride in results)

    def packed(self, result: StoredResult) -> PackedResult:
        """The mask, logits and pointer of a result."""
        key = (result.object_id, result.frame, result.stride, result.layer)
        where = "object_id = ? AND frame = ? AND stride = ? AND layer = ?"
        (row,) = self._query(f"SELECT mask, logits, pointer FROM results WHERE {where}", key)
        return PackedResult(*row)

    def frames(self, object_ids: list[int]) -> Iterator[int]:
        """Numbers of the frames that have a result of any of the objects, in order."""
        self.flush()
        ids = ", ".join("?" * len(object_ids))
        where = f"SELECT DISTINCT frame FROM results WHERE object_id IN ({ids}) AND frame > ? ORDER BY frame LIMIT 1024"
        last = -1
        while rows := self._query(where, (*object_ids, last)):
            yield from (row[0] for row in rows)
            last = rows[-1][0]

    def traces(self, track: Track, object_id: int) -> Iterator[tuple[int, str]]:
        """Stride and JSON of an object's trace rows, in the order of tracking; only the last of each frame."""
        select = "SELECT frame, stride, layer, row FROM traces WHERE object_id = ? ORDER BY written"
        kept: dict[int, tuple[int, str]] = {}
        for frame, stride, layer, row in self._query(select, (object_id,)):
            if track.stands(layer, frame, stride):
                kept.pop(frame, None)
                kept[frame] = stride, row
        yield from kept.values()

    def forget(self, object_id: int, cut: Cut) -> None:
        """Delete the results and traces that a cut hides."""
        self.flush()
        where = "object_id = ? AND frame BETWEEN ? AND ? AND stride * ? > 0 AND layer >= ? AND layer < ?"
        values = (object_id, cut.first, cut.last, cut.sign, cut.since, cut.layer)
        for table in ("results", "traces"):
            self._query(f"DELETE FROM {table} WHERE {where}", values)

    def _standing(self, track: Track, where: str, values: tuple[int, ...]) -> Iterator[StoredResult]:
        return (row for row in self._rows(where, values) if track.stands(row.layer, row.frame, row.stride))

    def _rows(self, where: str, values: tuple[int, ...]) -> list[StoredResult]:
        rows = self._query(f"SELECT {_COLUMNS} FROM results {where}", values)
        return [StoredResult(*_with_nan(row)) for row in rows]

    def _write(self, result: StoredResult, pack: Callable[[], PackedResult]) -> None:
        values = (*astuple(result), *astuple(pack()))
        self._query(f"INSERT OR REPLACE INTO results VALUES ({', '.join('?' * len(values))})", values)

    def _query(self, text: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._database.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise OutputError(f"cannot store results in {self._folder.path}: {error}") from error


def _scratch(folder: Path | None) -> ScratchFolder:
    try:
        return ScratchFolder(folder)
    except OSError as error:
        where = folder or "the folder for temporary files"
        raise OutputError(f"cannot store results in {where}: {error.strerror or error}") from error


def _new_database(path: Path) -> sqlite3.Connection:
    database = None
    try:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        database.executescript(_SCHEMA)
    except sqlite3.Error as error:
        if database is not None:
            database.close()  # Windows cannot delete the file while it is open
        raise OutputError(f"cannot store results in {path.parent}: {error}") from error
    return database


def _with_nan(row: tuple[Any, ...]) -> list[Any]:
    """SQLite has no NaN and keeps NULL instead."""
    return [math.nan if value is None else value for value in row]
