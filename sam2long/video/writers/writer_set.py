"""All the formats of one run, written on a thread of their own."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from queue import Queue
from threading import Thread
from types import TracebackType

from sam2long.errors import OutputError
from sam2long.video.result import FrameResult
from sam2long.video.source import VideoSource
from sam2long.video.trace_file import TRACE_FILE
from sam2long.video.writers.base import ResultWriter
from sam2long.video.writers.coco import write_coco
from sam2long.video.writers.folder import SUMMARY, OutputFolder
from sam2long.video.writers.json_stream import dumps
from sam2long.video.writers.npz import NpzWriter
from sam2long.video.writers.overlay import OverlayWriter
from sam2long.video.writers.png import MOST_PALETTE_IDS, PngPerObjectWriter, PngWriter
from sam2long.video.writers.spool import Spool
from sam2long.video.writers.summary import Ending, write_summary
from sam2long.video.writers.trace import TraceWriter

# what each format is called in the output folder; a summary always comes with them
FILES = {
    "png": "masks",
    "png-per-object": "objects",
    "coco": "coco.json",
    "overlay": "overlay.mp4",
    "npz": "masks.npz",
    "trace": TRACE_FILE,
}
SPOOL = "spool.sqlite"
# results that may wait to be written while tracking goes on
BEHIND = 4


class WriterSet:
    """Writers of one run; a context manager that gives everything up unless `finish` was reached.

    Results are handed over at once and written by a thread; what goes wrong there is raised by the next `write` or by
    `finish`. A frame that is written twice keeps its first result.
    """

    def __init__(
        self,
        folder: OutputFolder,
        formats: Sequence[str],
        source: VideoSource,
        object_ids: Sequence[int],
        settings: Mapping[str, object],
        prompted: Collection[tuple[int, int]],
    ) -> None:
        self._folder = folder
        self._formats = formats
        self._source = source
        self._object_ids = object_ids
        self._settings = settings
        self._prompted = prompted
        self._spool = Spool(folder.staging / SPOOL)
        self._writers = [self._writer(name) for name in formats if name != "coco"]
        self._queue: Queue[FrameResult | None] = Queue(BEHIND)
        self._failure: BaseException | None = None
        self._done = False
        self._thread = Thread(target=self._work, name="writers", daemon=True)
        self._thread.start()

    @property
    def files(self) -> list[Path]:
        """Files and folders that are there after `finish`."""
        names = [FILES[name] for name in self._formats] + [SUMMARY]
        return [self._folder.path / name for name in names if (self._folder.path / name).exists()]

    def write(self, result: FrameResult) -> None:
        """Hand over the result of one frame; waits only if the writers are far behind.

        Raises:
            OutputError: an earlier result could not be written; nothing is left of any of them.
            VideoError: a frame could not be decoded again for the overlay.
        """
        if self._failure is not None:
            self._give_up()
        self._queue.put(result)

    def finish(self, complete: bool = True, reason: str | None = None) -> None:
        """Write what is left and move everything to its place.

        Args:
            complete: whether every frame that was asked for has been written.
            reason: a sentence that says why not.

        Raises:
            OutputError: something could not be written; nothing is left of any of it.
            VideoError: a frame could not be decoded again for the overlay.
        """
        self._join()
        if self._failure is None:
            self._try(lambda: self._complete(Ending(complete, reason)))
        if self._failure is not None:
            self._give_up()
        self._done = True

    def abort(self) -> None:
        """Give everything up: no file is left, nor a folder that was made for one; never raises."""
        if self._done:
            return
        self._done = True
        self._join()
        for writer in self._writers:
            writer.abort()
        self._spool.close()
        self._folder.discard()

    def __enter__(self) -> WriterSet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def _writer(self, name: str) -> ResultWriter:
        path = self._folder.staging / FILES[name]
        if name == "png":
            return PngWriter(path, self._source)
        if name == "png-per-object":
            return PngPerObjectWriter(path, self._source)
        if name == "npz":
            return NpzWriter(path, self._source, self._spool, self._object_ids)
        if name == "trace":
            return TraceWriter(path, self._prompted)
        return OverlayWriter(path, self._source, self._spool)

    def _work(self) -> None:
        # after a failure the queue is still emptied, so that nobody waits for room in it
        for result in iter(self._queue.get, None):
            if self._failure is None:
                self._try(lambda result=result: self._write_now(result))  # type: ignore[misc]

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except BaseException as error:  # raised to the caller by _give_up
            self._failure = error

    def _write_now(self, result: FrameResult) -> None:
        if self._spool.add(result):
            for writer in self._writers:
                writer.write(result)

    def _join(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _complete(self, ending: Ending) -> None:
        staging = self._folder.staging
        for writer in self._writers:
            writer.finish()
        if "coco" in self._formats:
            write_coco(staging / FILES["coco"], self._spool, self._source, self._object_ids)
        write_summary(
            staging / SUMMARY,
            self._spool,
            self._source,
            object_ids=self._object_ids,
            files=sorted(entry.name for entry in staging.iterdir() if entry.name not in (SPOOL, SUMMARY)),
            settings=self._settings,
            ending=ending,
        )
        self._spool.close()
        (staging / SPOOL).unlink()
        self._folder.publish()

    def _give_up(self) -> None:
        failure = self._failure
        self.abort()
        if isinstance(failure, (OSError, sqlite3.Error)):
            raise OutputError(_why(self._folder.path, failure)) from failure
        assert failure is not None
        raise failure


def open_writers(
    out_dir: str | Path,
    formats: Sequence[str],
    source: VideoSource,
    *,
    object_ids: Sequence[int],
    settings: Mapping[str, object],
    overwrite: bool = False,
    prompted: Collection[tuple[int, int]] = (),
) -> WriterSet:
    """Check everything that can be wrong with the output, then make room for it.

    Args:
        out_dir: folder for the results, made if it does not exist; they appear in it at `finish`.
        formats: any of `png` (masks/), `png-per-object` (objects/), `coco` (coco.json), `overlay` (overlay.mp4),
            `npz` (masks.npz), `trace` (trace.csv); summary.json always comes with them.
        source: the video that the results belong to.
        object_ids: every id that results may have.
        settings: JSON values kept in the summary.
        overwrite: write into a folder that is not empty, replacing what has the same name.
        prompted: (frame, object id) of what the user marked, for the trace.

    Raises:
        OutputError: unknown format, ids that a format cannot hold, overlay of a source that can be read only once,
            settings that are not JSON, or a folder that is not empty or cannot be written.
    """
    chosen = list(dict.fromkeys(formats))
    _check_formats(chosen, source)
    _check_ids(chosen, object_ids)
    try:
        dumps(dict(settings))
    except (TypeError, ValueError) as error:
        raise OutputError(f"the settings cannot be written as JSON: {error}") from error
    folder = OutputFolder(Path(out_dir).expanduser(), [FILES[name] for name in chosen], overwrite=overwrite)
    try:
        return WriterSet(folder, chosen, source, list(object_ids), settings, prompted)
    except (OSError, sqlite3.Error) as error:
        folder.discard()
        raise OutputError(_why(folder.path, error)) from error


def _check_formats(formats: Sequence[str], source: VideoSource) -> None:
    for name in formats:
        if name not in FILES:
            raise OutputError(f"there is no output format {name!r}; choose from {', '.join(FILES)}")
    if "overlay" in formats and not source.seekable:
        raise OutputError(
            "an overlay needs the frames a second time, but a live iterator gives them once; leave it out"
        )


def _check_ids(formats: Sequence[str], object_ids: Sequence[int]) -> None:
    if min(object_ids, default=1) < 1:
        raise OutputError(f"object ids must be 1 or more, not {min(object_ids)}: 0 is the background")
    largest = max(object_ids, default=1)
    if "png" in formats and largest > MOST_PALETTE_IDS:
        raise OutputError(
            f"object id {largest} does not fit into the 8 bits of a palette PNG; use png-per-object, or ids up to"
            f" {MOST_PALETTE_IDS}"
        )


def _why(folder: Path, error: Exception) -> str:
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error)
    if full:
        return f"there is no space left for results in {folder}; free some, or choose a folder on another disk"
    return f"results cannot be written to {folder}: {getattr(error, 'strerror', None) or error}"
