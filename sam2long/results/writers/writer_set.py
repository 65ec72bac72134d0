"""Writes all formats of one run on a separate thread."""

from __future__ import annotations

import contextlib
import operator
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from queue import Queue
from threading import Thread
from types import TracebackType

from sam2long.errors import ConfigError, OutputError
from sam2long.results.labels import Labels
from sam2long.results.postprocessing import NOTHING, Postprocessing
from sam2long.results.result import FrameResult
from sam2long.results.scale import Scale
from sam2long.results.trace_file import TRACE_FILE
from sam2long.results.writers.annotation.annotation_files import ANNOTATION_WRITERS, Annotated
from sam2long.results.writers.annotation.coco import CocoWriter, YtvisWriter
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.checks import check_for, check_formats, check_ids, check_settings
from sam2long.results.writers.folder import SPOOL, SUMMARY, OutputFolder
from sam2long.results.writers.formats import FILES
from sam2long.results.writers.images.npz import NpzWriter
from sam2long.results.writers.images.overlay import OverlayWriter
from sam2long.results.writers.images.pixel_files import pixel_writer
from sam2long.results.writers.images.png import PngPerObjectWriter, PngWriter
from sam2long.results.writers.output import WRITE_ERRORS, Output, why
from sam2long.results.writers.spool import Spool
from sam2long.results.writers.summary import Ending, write_summary
from sam2long.results.writers.trace import TraceWriter
from sam2long.video.paths import user_path
from sam2long.video.source import VideoSource

# number of results that may wait to be written while tracking continues
BEHIND = 4


class WriterSet:
    """Writers of one run; a context manager that keeps what was written, however it exits.

    Results are queued and written by a thread. If one file cannot be written, the others are still completed, and
    `finish` reports which one is missing. If a frame is written twice, the first result is kept.
    """

    def __init__(
        self,
        folder: OutputFolder,
        files: Sequence[str],
        about: Annotated,
        settings: Mapping[str, object],
        prompted: set[tuple[int, int]],
        postprocessing: Postprocessing,
    ) -> None:
        self._folder = folder
        self._files = files
        self._about = about
        self._source = about.source
        self._object_ids = about.object_ids
        self._settings = settings
        self._prompted = prompted
        self._postprocessing = postprocessing
        self._spool = Spool(folder.staging / SPOOL)
        self._outputs = [self._output(file) for file in files]
        self._queue: Queue[FrameResult | None] = Queue(BEHIND)
        self._failure: Exception | None = None
        self._begun = self._done = False
        self._thread = Thread(target=self._work, name="writers", daemon=True)
        self._thread.start()

    @property
    def files(self) -> list[Path]:
        """Files and folders that exist after `finish`."""
        names = [*self._files, SUMMARY]
        return [self._folder.path / name for name in names if (self._folder.path / name).exists()]

    def expect(self, frame: int, object_id: int) -> None:
        """Announce a prompt that was given after the start, before its frame is written; `npz` must not be written.

        Raises:
            OutputError: a format cannot hold the id.
        """
        check_ids(["png"] if FILES["png"][0] in self._files else [], [object_id])
        self._prompted.add((frame, object_id))
        if object_id not in self._object_ids:
            self._object_ids.append(object_id)

    def write(self, result: FrameResult) -> None:
        """Queue the result of one frame; waits only if the writers are far behind.

        Raises:
            ConfigError: soft edges are asked for, and the result has none.
            OutputError: nothing more can be written; `finish` keeps what has been written.
        """
        if self._postprocessing.soft and result.masks.keys() != result.soft.keys():
            raise ConfigError("these results have no soft edges; ask the session for them: Session(soft_edges=True)")
        if (failure := self._failure_of_all) is not None:
            raise self._error(failure)
        self._begun = True
        self._queue.put(result)

    def finish(self, complete: bool = True, reason: str | None = None) -> None:
        """Write the remaining results and move all files into place.

        Args:
            complete: whether every requested frame has been written.
            reason: sentence that explains why not.

        Raises:
            OutputError: something could not be written. Everything else is in place, unless it contains no masks; then
                nothing is left behind.
        """
        self._join()
        for output in self._outputs:
            output.finish()
        if not any(output.useful for output in self._outputs) and self._failures:
            self.abort()
            raise self._error(next(iter(self._failures.values())))
        try:
            self._publish(Ending(complete and not self._failures, reason or self._what_failed()))
        except WRITE_ERRORS as error:
            self._done = self._folder.keep()
            if self._done:
                raise OutputError(
                    f"results are whole, but could not be moved to {self._folder.path} ({why(error)}); they are in "
                    f"{self._folder.staging}, and the next run into this folder moves them"
                ) from error
            self.abort()
            raise self._error(error) from error
        self._done = True
        if self._failures:
            self._raise_missing()

    def abort(self) -> None:
        """Discard everything, including folders that were created; never raises."""
        if self._done:
            return
        self._done = True
        self._join()
        for output in self._outputs:
            output.writer.abort()
        self._spool.close()
        self._folder.discard()

    def __enter__(self) -> WriterSet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._done or not self._begun:
            self.abort()
        elif error is None:
            self.finish()
        else:
            with contextlib.suppress(Exception):  # the original exception says more
                self.finish(complete=False, reason=f"ended by {type(error).__name__}: {error}")

    @property
    def _failures(self) -> dict[str, Exception]:
        """Failures by file or folder name; that of the spool, on which all outputs depend, comes first."""
        failed = {output.path.name: output.failure for output in self._outputs if output.failure is not None}
        return failed if self._failure is None else {"the results": self._failure} | failed

    @property
    def _failure_of_all(self) -> Exception | None:
        """The failure that keeps every output from being written, or None."""
        failures = [output.failure for output in self._outputs if output.holds_masks]
        return self._failure or (failures[0] if failures and all(failures) else None)

    def _output(self, file: str) -> Output:
        path = self._folder.staging / file
        return Output(self._writer(file, path), path, holds_masks=file != TRACE_FILE)

    def _writer(self, file: str, path: Path) -> ResultWriter:
        if file == "masks":
            return PngWriter(path, self._source)
        if file == "objects":
            return PngPerObjectWriter(path, self._source)
        if file == "coco.json":
            return CocoWriter(path, self._source, self._spool)
        if file == "ytvis.json":
            return YtvisWriter(path, self._source, self._spool, self._object_ids)
        if file == "masks.npz":
            return NpzWriter(path, self._source, self._spool, self._object_ids)
        if file == TRACE_FILE:
            return TraceWriter(path, self._prompted)
        if file in ANNOTATION_WRITERS:
            return ANNOTATION_WRITERS[file](path, self._about, self._spool)
        if file == "overlay.mp4":
            return OverlayWriter(path, self._source, self._spool)
        return pixel_writer(file, path, self._source, self._spool, self._object_ids, self._postprocessing)

    def _work(self) -> None:
        # after a failure the queue is still drained, so that `write` never blocks
        for result in iter(self._queue.get, None):
            if self._failure is None:
                self._write_now(result)

    def _write_now(self, result: FrameResult) -> None:
        try:
            result = self._postprocessing.apply(result)
            if not self._spool.add(result):
                return
        except Exception as error:  # reported by the next write, or by finish
            self._failure = error
            return
        for output in self._outputs:
            output.write(result)

    def _join(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _publish(self, ending: Ending) -> None:
        staging = self._folder.staging
        files = sorted(output.path.name for output in self._outputs if output.path.exists())
        try:
            write_summary(
                staging / SUMMARY,
                self._spool,
                self._source,
                object_ids=self._object_ids,
                names=self._about.labels.names,
                files=files,
                settings=self._settings,
                ending=ending,
            )
        except WRITE_ERRORS as error:
            self._failure = error
            with contextlib.suppress(OSError):
                (staging / SUMMARY).unlink()
        self._spool.close()
        (staging / SPOOL).unlink()
        self._folder.publish()

    def _what_failed(self) -> str | None:
        said = [f"{name} could not be written: {why(error)}" for name, error in self._failures.items()]
        return "; ".join(said) or None

    def _raise_missing(self) -> None:
        for error in self._failures.values():
            if not isinstance(error, WRITE_ERRORS):
                raise error
        raise OutputError(f"{self._what_failed()}; everything else is in {self._folder.path}")

    def _error(self, failure: Exception) -> Exception:
        if not isinstance(failure, WRITE_ERRORS):
            return failure
        return OutputError(f"results cannot be written to {self._folder.path}: {why(failure)}")


def open_writers(
    out_dir: str | Path,
    formats: Sequence[str],
    source: VideoSource,
    *,
    object_ids: Sequence[int],
    settings: Mapping[str, object],
    overwrite: bool = False,
    resume: bool = False,
    prompted: Collection[tuple[int, int]] = (),
    names: Mapping[int, str] | None = None,
    scale: Scale | None = None,
    postprocessing: Postprocessing = NOTHING,
) -> WriterSet:
    """Check the output folder, formats and ids, then open the writers.

    Args:
        out_dir: output folder, created if it does not exist; results appear in it at `finish`.
        formats: any of `png` (masks/), `png-per-object` (objects/), `coco` (coco.json, ytvis.json), `overlay`
            (overlay.mp4), `npz` (masks.npz), `trace` (trace.csv), `ytvis` (ytvis.json), `yolo` (yolo/), `labelme`
            (labelme/), `cvat` (cvat.xml), `cvat-masks` (cvat-masks.xml), `csv` (measurements.csv), `contours`
            (contours/, contours.geojson), `alpha` (alpha.mov), `matte` (mattes/), `exr` (exr/) and the other
            `PIXEL_FILES`; summary.json is always written.
        source: video that the results belong to.
        object_ids: all ids that results may have, see also `WriterSet.expect`.
        settings: JSON values to store in the summary.
        overwrite: write into a folder that is not empty, replacing entries of the same name.
        resume: also replace results of an earlier run with the same settings.
        prompted: (frame, object id) of every prompt, for the trace.
        names: names of the objects by id; they are the classes of formats that have classes.
        scale: size of a pixel, for `csv`.
        postprocessing: changes to the masks, in all formats.

    Raises:
        TypeError: an id or a frame number is not an integer.
        OutputError: a format is unknown or cannot hold an id, a format with images is of a source that can be read only
            once or has too large frames, a package or encoder is missing, soft edges have no format, there is a scale
            without `csv`, the settings are not JSON, or the folder is not empty or cannot be written.
    """
    chosen = list(dict.fromkeys(formats))
    ids = [operator.index(object_id) for object_id in object_ids]
    prompts = {(operator.index(frame), operator.index(object_id)) for frame, object_id in prompted}
    check_formats(chosen, scale, postprocessing)
    check_for(chosen, source, ids, postprocessing)
    check_ids(chosen, ids)
    check_settings(settings)
    files = list(dict.fromkeys(file for name in chosen for file in FILES[name]))
    folder = OutputFolder(
        user_path(out_dir),
        files,
        overwrite=overwrite,
        continues=settings if resume else None,
    )
    try:
        about = Annotated(source, ids, Labels(names or {}), scale)
        return WriterSet(folder, files, about, settings, prompts, postprocessing)
    except (OSError, sqlite3.Error) as error:
        folder.discard()
        raise OutputError(f"results cannot be written to {folder.path}: {why(error)}") from error
