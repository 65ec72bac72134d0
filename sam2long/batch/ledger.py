"""What has happened to the jobs of a batch: an append-only file per process that hands out jobs, and the settings."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sam2long.batch.job import Job
from sam2long.batch.result import DONE, FAILED, RUNNING, WAITING, Result
from sam2long.batch.shard import Shard
from sam2long.errors import BatchError
from sam2long.results.writers.lock import NO_LOCKS

HIDDEN = ".batch"
"""Folder inside the output folder for everything that is not a result."""

_SETTINGS, _ROWS, _LOCKS, _SESSIONS = "batch.json", "rows", "locks", "sessions"


def session_path(out: Path, name: str) -> Path:
    """Where a job without a session file of its own is saved as it goes."""
    return out / HIDDEN / _SESSIONS / f"{name}.s2l"


class Ledger:
    """The books of a batch; only one process per shard writes, any number read.

    Rows are only ever appended, each in one write, to a file of this shard alone, so that nothing needs a server. A row
    that was cut off by a kill is skipped; what it would have said is found again in the job's own folder.

    Args:
        out: output folder of the batch.
        shard: which part of the jobs this process does.
    """

    def __init__(self, out: Path, shard: Shard) -> None:
        self._folder = out / HIDDEN
        self._out, self._shard = out, shard
        self._locks = self._folder / _LOCKS
        self._lock = FileLock(self._locks / shard.name)
        self._rows = self._folder / _ROWS / f"{shard.name}.jsonl"
        self._stream: FileIO | None = None

    def open(self, settings: Mapping[str, object], jobs: Iterable[Job]) -> dict[str, Result]:
        """Take the lock, check that the folder belongs to this batch, and return what is known of its jobs.

        Raises:
            BatchError: another process does some of these jobs, the folder holds results of other settings or of
                another job with the same id, or it cannot be written.
        """
        jobs = list(jobs)
        try:
            for name in (_LOCKS, _ROWS, _SESSIONS):
                (self._folder / name).mkdir(parents=True, exist_ok=True)
            self._take_lock()
            self.agree({"settings": settings, "jobs": len(jobs)})
            known = read_results(self._out)
            for job in jobs:
                if job.id in known and known[job.id].digest not in ("", job.digest):
                    raise BatchError(
                        f"{self._out} holds another job with the id {job.id!r} (its line in the job list was "
                        "different); give this one another id, or choose another --out"
                    )
            self._stream = FileIO(self._rows, "a+")
            self._end_torn_row()
        except OSError as error:
            self.close()
            raise BatchError(f"{self._out} cannot be written: {error.strerror or error}") from error
        except BatchError:
            self.close()
            raise
        return known

    def agree(self, settings: Mapping[str, object]) -> None:
        """Check settings against those of earlier results, and add what is new; the number of jobs may grow.

        Raises:
            BatchError: something differs.
        """
        path = self._folder / _SETTINGS
        earlier = _read(path) if path.exists() else {}
        now = json.loads(json.dumps(settings))
        for key in now.keys() & earlier.keys() - {"jobs"}:
            if (differing := _difference(earlier[key], now[key])) is not None:
                raise BatchError(
                    f"{self._out} holds results of a batch with other settings ({key}{differing}); "
                    "use the same ones to resume, or choose another --out"
                )
        if {**earlier, **now} != earlier:
            partial = path.with_name(f".{path.name}.{os.getpid()}.part")
            partial.write_text(json.dumps({**earlier, **now}, indent=1), encoding="utf-8")
            partial.replace(path)

    def write(self, result: Result) -> None:
        """Append what is now known of a job.

        Raises:
            BatchError: the row cannot be written.
        """
        assert self._stream is not None
        line = json.dumps({**result.row(), "time": time.time()}, ensure_ascii=False) + "\n"
        try:
            self._stream.write(line.encode())
        except OSError as error:
            raise BatchError(f"{self._rows} cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        """Let others write; never raises."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        with suppress(OSError):
            self._lock.release()

    def _take_lock(self) -> None:
        """Take the lock of this shard, then look whether somebody shares the same jobs out differently."""
        try:
            self._lock.acquire(blocking=False)
            for path in self._locks.iterdir():
                if path.name != self._shard.name and not self._shard.is_apart_from(path.name):
                    with FileLock(path).acquire(blocking=False):
                        pass
        except Timeout:
            raise BatchError(
                f"another sam2long batch is at work in {self._out}; wait until it ends, or give each a --shard of the "
                "same number of parts"
            ) from None
        except NotImplementedError:  # raised by some versions of filelock on file systems without locks
            pass
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise

    def _end_torn_row(self) -> None:
        assert self._stream is not None
        if self._stream.seek(0, os.SEEK_END):
            self._stream.seek(-1, os.SEEK_END)
            if self._stream.read(1) != b"\n":
                self._stream.write(b"\n")


def read_results(out: Path) -> dict[str, Result]:
    """What is known of each job that was ever begun, by id; jobs that nobody has begun are not in it."""
    results: dict[str, Result] = {}
    rows = [row for path in sorted((out / HIDDEN / _ROWS).glob("*.jsonl")) for row in _rows(path)]
    for row in sorted(rows, key=lambda row: float(row["time"])):
        if row["id"] not in results or results[row["id"]].state != DONE:
            results[row["id"]] = Result.from_row(row)
    return results


def settled(results: Mapping[str, Result]) -> dict[str, Result]:
    """Results of a batch that nobody works on any more: what was running waits, without the attempt it was in."""
    return {
        name: replace(result, state=WAITING, attempts=result.attempts - 1) if result.state == RUNNING else result
        for name, result in results.items()
    }


def read_total(out: Path) -> int:
    """Number of jobs of the batch in a folder.

    Raises:
        BatchError: there is none.
    """
    path = out / HIDDEN / _SETTINGS
    if not path.exists():
        raise BatchError(f"{out} is not the output folder of a batch")
    return int(_read(path).get("jobs", 0))


def forgiven(result: Result) -> Result:
    """A failed job that may be tried again, as often as at first."""
    return replace(result, state=WAITING, attempts=0, error=None, traceback=None) if result.state == FAILED else result


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict) and isinstance(row.get("id"), str) and "time" in row:
                    yield row


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise BatchError(f"{path} is not what sam2long writes there; choose another --out")
    return content


def _difference(earlier: Any, now: Any) -> str | None:
    """Where two settings first differ, for a message; None if they are equal."""
    if isinstance(earlier, dict) and isinstance(now, dict):
        for key in sorted(earlier.keys() | now.keys()):
            inner = _difference(earlier.get(key), now.get(key))
            if inner is not None:
                return f": {key}{inner}"
        return None
    return None if earlier == now else f": {earlier}, now {now}"
