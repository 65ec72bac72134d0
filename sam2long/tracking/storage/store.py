"""Results on disk: what a session has tracked, in a few kilobytes each, and what edits superseded, for undo."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from threading import Lock
from typing import Any

from sam2long.errors import OutputError
from sam2long.results.observation import Observation
from sam2long.tracking.track import Cut, Track

_BACKLOG = 64
"""Results that may wait to be packed and written, so that a slow disk cannot fill the memory."""

_PAGE = 128
"""Rows read at a time on a walk through the frames; more than a frame has layers."""


@dataclass(frozen=True)
class StoredResult:
    """One object on one frame.

    Attributes:
        object_id: of the object.
        frame: number of the frame.
        stride: of the propagation it comes from, negative when going backward.
        layer: number of the edits made before.
        written: order of writing.
        time: presentation time in seconds.
        iou: predicted IoU, 0..1.
        object_score: a logit; > 0 means visible.
        disagreement: see `FrameResult`.
        lead: see `FrameResult`.
        area: pixels of the mask.
        prompted: whether the user marked the object on this frame.
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

    def observed(self) -> Observation:
        """The result in numbers, for reviews."""
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
        )


@dataclass(frozen=True)
class PackedResult:
    """The heavy part of a result; see `packing`."""

    mask: bytes
    logits: bytes
    pointer: bytes


@dataclass
class _Write:
    """A result on its way to the disk."""

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
    """A temporary database, gone with the session. Packing and writing happen on a thread of their own.

    Args:
        folder: the database lies in a temporary folder inside this one, which is made if need be; by default inside the
            system's folder for temporary files (`TMPDIR`).

    Raises:
        OutputError: the folder cannot be used.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self._folder = _temporary_folder(None if folder is None else Path(folder))
        self._lock = Lock()
        try:
            self._database = _new_database(Path(self._folder.name) / "results.sqlite")
        except OutputError:
            self._folder.cleanup()
            raise
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="results")
        self._queue: deque[_Write] = deque()
        self._written = 0
        self._void: list[tuple[int, int]] = []

    def close(self) -> None:
        """Let go of the database and delete it."""
        self._worker.shutdown()
        self._database.close()
        self._folder.cleanup()

    def next_number(self) -> int:
        """The `written` of the next result."""
        self._written += 1
        return self._written

    def put(self, result: StoredResult, pack: Callable[[], PackedResult]) -> None:
        """Keep a result, in place of an earlier one of the same layer; `pack` runs on the writing thread.

        Raises:
            OutputError: this or an earlier result could not be written.
        """
        while self._queue and (len(self._queue) >= _BACKLOG or self._queue[0].done.done()):
            self._settle_oldest()
        self._queue.append(_Write(result, pack, self._worker.submit(self._write, result, pack)))

    def put_back(self, result: StoredResult, packed: PackedResult) -> None:
        """Keep a result that was saved, under its old number."""
        self._written = max(self._written, result.written)
        self._write(result, lambda: packed)

    def put_trace(self, object_id: int, frame: int, stride: int, layer: int, row: str) -> None:
        """Keep what happened to an object's pathways on a frame, as JSON."""
        values = (object_id, frame, stride, layer, self.next_number(), row)
        self._query("INSERT OR REPLACE INTO traces VALUES (?, ?, ?, ?, ?, ?)", values)

    def flush(self) -> None:
        """Wait until all is written.

        Raises:
            OutputError: something could not be written.
        """
        self._delete_void()
        while self._queue:
            self._settle_oldest()

    def _settle_oldest(self) -> None:
        """Wait for the oldest write. One that failed stays, and is tried again next time."""
        oldest = self._queue[0]
        if oldest.done.done() and oldest.done.exception() is not None:
            oldest.done = self._worker.submit(self._write, oldest.result, oldest.pack)
            oldest.done.result()
        oldest.done.result()
        self._queue.popleft()

    @property
    def written(self) -> int:
        """Number of the last result or trace; see `roll_back`."""
        return self._written

    def roll_back(self, written: int) -> None:
        """Forget everything put since `written` had this value.

        Raises:
            OutputError: the database cannot be changed.
        """
        # The one thread works in order: once this is done, so is whatever was handed to it before.
        self._worker.submit(lambda: None).result()
        self._queue = deque(write for write in self._queue if write.result.written <= written)
        self._void.append((written, self._written))
        self._delete_void()

    def _delete_void(self) -> None:
        """Delete what was rolled back; what a full disk does not let go of is tried again before the next look."""
        while self._void:
            for table in ("results", "traces"):
                self._query(f"DELETE FROM {table} WHERE written > ? AND written <= ?", self._void[-1])
            self._void.pop()

    def latest(self, track: Track, object_id: int, frame: int, stride: int | None = None) -> StoredResult | None:
        """The newest result of a frame that is up to date, of one way of propagating if `stride` is given."""
        self._delete_void()
        if any((write.result.object_id, write.result.frame) == (object_id, frame) for write in self._queue):
            self.flush()
        where = "object_id = ? AND frame = ?" + ("" if stride is None else " AND stride = ?")
        values = (object_id, frame) if stride is None else (object_id, frame, stride)
        return next(self._standing(track, f"WHERE {where} {_NEWEST}", values), None)

    def behind(self, track: Track, object_id: int, frame: int, stride: int) -> Iterator[StoredResult]:
        """Results of one way of propagating that come before `frame` in its direction, nearest first, one per frame."""
        self.flush()
        sign, order = ("<", "DESC") if stride > 0 else (">", "ASC")
        where = (
            f"WHERE object_id = ? AND stride = ? AND frame {sign} ? "
            f"ORDER BY frame {order}, layer DESC, written DESC LIMIT {_PAGE}"
        )
        while rows := self._rows(where, (object_id, stride, frame)):
            # A page may end among the layers of a frame, so its last frame is left to the next page.
            whole = [row for row in rows if row.frame != rows[-1].frame] if len(rows) == _PAGE else rows
            standing = [row for row in whole if track.stands(row.layer, row.frame, row.stride)]
            yield from (
                row for row, before in zip(standing, [None, *standing]) if not before or before.frame != row.frame
            )
            frame = whole[-1].frame

    def every(self, track: Track, object_id: int) -> Iterator[StoredResult]:
        """All results of an object that are up to date, by frame, the newest of a frame first."""
        self.flush()
        where = f"WHERE object_id = ? AND frame > ? ORDER BY frame, layer DESC, written DESC LIMIT {_PAGE}"
        last = -1
        while rows := self._rows(where, (object_id, last)):
            # As in `behind`, a page's last frame is left to the next page.
            whole = [row for row in rows if row.frame != rows[-1].frame] if len(rows) == _PAGE else rows
            yield from (row for row in whole if track.stands(row.layer, row.frame, row.stride))
            last = whole[-1].frame

    def packed(self, result: StoredResult) -> PackedResult:
        """The heavy part of a result."""
        key = (result.object_id, result.frame, result.stride, result.layer)
        where = "object_id = ? AND frame = ? AND stride = ? AND layer = ?"
        (row,) = self._query(f"SELECT mask, logits, pointer FROM results WHERE {where}", key)
        return PackedResult(*row)

    def frames(self, object_ids: list[int]) -> Iterator[int]:
        """Numbers of the frames that have a result of any of the objects, in order."""
        self.flush()
        marks = ", ".join("?" * len(object_ids))
        where = (
            f"SELECT DISTINCT frame FROM results WHERE object_id IN ({marks}) AND frame > ? ORDER BY frame LIMIT 1024"
        )
        last = -1
        while rows := self._query(where, (*object_ids, last)):
            yield from (row[0] for row in rows)
            last = rows[-1][0]

    def traces(self, track: Track, object_id: int) -> Iterator[tuple[int, str]]:
        """Stride and JSON of every frame's trace, in the order it came about; of a frame visited again the last one."""
        select = "SELECT frame, stride, layer, row FROM traces WHERE object_id = ? ORDER BY written"
        kept: dict[int, tuple[int, str]] = {}
        for frame, stride, layer, row in self._query(select, (object_id,)):
            if track.stands(layer, frame, stride):
                kept.pop(frame, None)
                kept[frame] = stride, row
        yield from kept.values()

    def forget(self, object_id: int, cut: Cut, before: bool) -> None:
        """Delete what a cut hits (`before`), or what was made in its span since (undo)."""
        self.flush()
        side = "<" if before else ">="
        where = f"object_id = ? AND frame BETWEEN ? AND ? AND stride * ? > 0 AND layer {side} ?"
        for table in ("results", "traces"):
            self._query(f"DELETE FROM {table} WHERE {where}", (object_id, cut.first, cut.last, cut.sign, cut.layer))

    def _standing(self, track: Track, where: str, values: tuple[int, ...]) -> Iterator[StoredResult]:
        return (row for row in self._rows(where, values) if track.stands(row.layer, row.frame, row.stride))

    def _rows(self, where: str, values: tuple[int, ...]) -> list[StoredResult]:
        rows = self._query(f"SELECT {_COLUMNS} FROM results {where}", values)
        return [StoredResult(*row) for row in rows]

    def _write(self, result: StoredResult, pack: Callable[[], PackedResult]) -> None:
        values = (*astuple(result), *astuple(pack()))
        self._query(f"INSERT OR REPLACE INTO results VALUES ({', '.join('?' * len(values))})", values)

    def _query(self, text: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._database.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise OutputError(f"cannot keep results in {self._folder.name}: {error}") from error


def _temporary_folder(folder: Path | None) -> tempfile.TemporaryDirectory[str]:
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix="sam2long-", dir=folder, ignore_cleanup_errors=True)
    except OSError as error:
        where = folder or "the folder for temporary files"
        raise OutputError(f"cannot keep results in {where}: {error.strerror or error}") from error


def _new_database(path: Path) -> sqlite3.Connection:
    database = None
    try:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        database.executescript(_SCHEMA)
    except sqlite3.Error as error:
        if database is not None:
            database.close()  # before its file is deleted, which Windows demands
        raise OutputError(f"cannot keep results in {path.parent}: {error}") from error
    return database
