"""From results to files: writes what tracking yields until it ends, the user stops it, or something fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sam2long.cli.doubt import is_doubtful
from sam2long.cli.interrupt import CtrlC
from sam2long.cli.progress import TrackProgress
from sam2long.errors import UserError, VideoError

if TYPE_CHECKING:
    from sam2long.video import FrameResult, VideoSource
    from sam2long.video.writers import WriterSet


@dataclass
class Tally:
    """What has been written so far."""

    started: float
    frames: int = 0
    doubtful: int = 0
    last_frame: int | None = None

    def add(self, result: FrameResult) -> None:
        """Counts one written result."""
        self.frames += 1
        self.doubtful += is_doubtful(result)
        self.last_frame = result.frame


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        frames: frames written.
        doubtful: how many of them deserve a second look.
        frames_per_second: mean over the whole run, writing included.
        last_frame: number of the last frame written, None without any.
        interrupted: the user pressed Ctrl-C.
        stopped_early: why the video ended before its announced end, else None.
    """

    frames: int
    doubtful: int
    frames_per_second: float
    last_frame: int | None
    interrupted: bool
    stopped_early: str | None


def write_results(
    results: Iterator[FrameResult],
    settle: Callable[[], Iterator[FrameResult]],
    writers: WriterSet,
    source: VideoSource,
    progress: TrackProgress,
    ctrl_c: CtrlC,
) -> Outcome:
    """Writes all results and makes the files final; after Ctrl-C, those of the frames visited so far.

    `settle` gives what the results kept back because the pathways still disagreed about it.

    Without a single result nothing is left behind, nor after a `UserError`; after any other failure what is finished
    stays, marked incomplete, and the failure goes on.

    Raises:
        VideoError: there is no frame to track.
        OutputError: the files cannot be written.
    """
    tally = Tally(started=time.monotonic())
    try:
        with progress:
            for result in ctrl_c.until_pressed(results):
                writers.write(result)
                tally.add(result)
                progress.update(result)
            _close(results)
            for result in settle() if ctrl_c.pressed else ():
                writers.write(result)
                tally.add(result)
    except UserError:
        writers.abort()
        raise
    except BaseException as error:
        _rescue(writers, tally, error)
        raise
    outcome = _outcome(tally, ctrl_c.pressed, source)
    _finish(writers, outcome, source)
    return outcome


def _close(results: Iterator[FrameResult]) -> None:
    # Ends the decoding thread now rather than when Python collects the generator.
    if isinstance(results, Generator):
        results.close()


def _finish(writers: WriterSet, outcome: Outcome, source: VideoSource) -> None:
    if outcome.interrupted and outcome.frames:
        writers.finish(complete=False, reason=f"stopped by the user after frame {outcome.last_frame}")
    elif outcome.frames:
        writers.finish(complete=outcome.stopped_early is None, reason=outcome.stopped_early)
    else:
        writers.abort()
    if not outcome.frames and not outcome.interrupted:
        raise VideoError(outcome.stopped_early or f"no frame of {source.name} could be tracked")


def _rescue(writers: WriterSet, tally: Tally, error: BaseException) -> None:
    if tally.frames:
        writers.finish(complete=False, reason=f"failed after frame {tally.last_frame}: {type(error).__name__}: {error}")
    else:
        writers.abort()


def _outcome(tally: Tally, interrupted: bool, source: VideoSource) -> Outcome:
    seconds = max(time.monotonic() - tally.started, 1e-9)
    return Outcome(
        frames=tally.frames,
        doubtful=tally.doubtful,
        frames_per_second=tally.frames / seconds,
        last_frame=tally.last_frame,
        interrupted=interrupted,
        stopped_early=source.stopped_early,
    )
