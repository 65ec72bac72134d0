"""Writes results to files until tracking ends, the user stops it, or something fails."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from sam2long.errors import UserError, VideoError, out_of_memory
from sam2long.review.states import is_doubtful
from sam2long.running.interrupt import Stop

if TYPE_CHECKING:
    from sam2long.results import FrameResult
    from sam2long.results.writers import WriterSet
    from sam2long.video import VideoSource


class Progress(Protocol):
    """Watches a run; a context manager around tracking."""

    def __enter__(self) -> Progress:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def update(self, result: FrameResult) -> None:
        """Take notice of a result that has been written."""


@dataclass
class Tally:
    """Running count of the written results."""

    started: float
    frames: int = 0
    doubtful: int = 0
    last_frame: int | None = None

    def add(self, result: FrameResult) -> None:
        """Add one written result."""
        self.frames += 1
        self.doubtful += is_doubtful(result)
        self.last_frame = result.frame


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        frames: number of frames written.
        doubtful: how many of them should be checked.
        frames_per_second: mean speed of the whole run, including writing.
        last_frame: number of the last written frame, or None.
        interrupted: whether Ctrl-C or SIGTERM ended the run.
        stopped_early: why the video ended before its stated length, or None.
        failure: the error that ended the run midway, or None; the frames finished by then are kept.
        at_cut: first frame of the new scene, if the run was to stop there.
    """

    frames: int
    doubtful: int
    frames_per_second: float
    last_frame: int | None
    interrupted: bool
    stopped_early: str | None
    failure: UserError | None = None
    at_cut: int | None = None

    @property
    def cut_in_words(self) -> str | None:
        """That it stopped at a scene cut, or None."""
        return None if self.at_cut is None else f"stopped at the scene cut before frame {self.at_cut}"


def write_results(
    results: Iterator[FrameResult],
    settle: Callable[[], Iterator[FrameResult]],
    writers: WriterSet,
    source: VideoSource,
    progress: Progress,
    stop: Stop,
    at_cut: Callable[[], int | None] = lambda: None,
) -> Outcome:
    """Write all results and finalize the files; after Ctrl-C or a failure, those of the frames visited so far.

    If there is no result at all, no files are left behind. Otherwise the finished frames are kept and flagged as
    incomplete, whatever goes wrong: a `UserError` is returned in the outcome, other exceptions propagate.

    Args:
        results: decided results, in order.
        settle: returns the results of visited frames on which the pathways still disagreed.
        writers: open writers for the results.
        source: the video.
        progress: what watches the run.
        stop: what may end the run early.
        at_cut: returns the frame of the scene cut at which tracking has ended, if it has.

    Raises:
        UserError: tracking failed before the first result.
        VideoError: there is no frame to track.
        OutputError: the files cannot be completed.
    """
    tally = Tally(started=time.monotonic())
    try:
        with progress:
            for result in stop.until_asked(results):
                writers.write(result)
                tally.add(result)
                progress.update(result)
            _close(results)
            for result in settle() if stop.asked else ():
                writers.write(result)
                tally.add(result)
    except BaseException as raised:
        error = out_of_memory(raised) or raised
        _close(results)
        _rescue(writers, settle, tally, error)
        if not (isinstance(error, UserError) and tally.frames):
            raise
        return _outcome(tally, stop.asked, source, error)
    outcome = replace(_outcome(tally, stop.asked, source), at_cut=at_cut())
    _finish(writers, outcome, source, stop.who)
    return outcome


def _close(results: Iterator[FrameResult]) -> None:
    # Ends the decoding thread now rather than at garbage collection.
    if isinstance(results, Generator):
        results.close()


def _finish(writers: WriterSet, outcome: Outcome, source: VideoSource, who: str) -> None:
    if outcome.interrupted and outcome.frames:
        who = "the user" if who == "Ctrl-C" else who
        writers.finish(complete=False, reason=f"stopped by {who} after frame {outcome.last_frame}")
    elif outcome.frames:
        writers.finish(complete=outcome.stopped_early is None, reason=outcome.stopped_early or outcome.cut_in_words)
    else:
        writers.abort()
    if not outcome.frames and not outcome.interrupted:
        raise VideoError(outcome.stopped_early or f"no frame of {source.name} could be tracked")


def _rescue(
    writers: WriterSet, settle: Callable[[], Iterator[FrameResult]], tally: Tally, error: BaseException
) -> None:
    """Keep the finished frames; further failures while doing so are suppressed."""
    with contextlib.suppress(Exception):
        for result in settle():
            writers.write(result)
            tally.add(result)
    what = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    try:
        if tally.frames:
            writers.finish(complete=False, reason=f"failed after frame {tally.last_frame}: {what}")
        else:
            writers.abort()
    except UserError:  # a consequence of the first failure, which is reported instead
        if not writers.files:
            tally.frames = 0


def _outcome(tally: Tally, interrupted: bool, source: VideoSource, failure: UserError | None = None) -> Outcome:
    seconds = max(time.monotonic() - tally.started, 1e-9)
    return Outcome(
        frames=tally.frames,
        doubtful=tally.doubtful,
        frames_per_second=tally.frames / seconds,
        last_frame=tally.last_frame,
        interrupted=interrupted,
        stopped_early=source.stopped_early,
        failure=failure,
    )
