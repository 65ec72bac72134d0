"""How a run ends, with writers that only remember what they were told."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sam2long.cli.running.progress import TrackProgress
from sam2long.errors import OutputError, UserError, VideoError
from sam2long.results.result import FrameResult
from sam2long.running.interrupt import StopSignals
from sam2long.running.write import Outcome, write_results


@dataclass
class Diary:
    """Writers that note every call; `fail_at` raises `error` for that frame. While they finish, Ctrl-C is pressed."""

    fail_at: int | None = None
    error: Exception | None = None
    press_at: int | None = None
    frames: list[int] = field(default_factory=list)
    ends: list[tuple[Any, ...]] = field(default_factory=list)

    def write(self, result: FrameResult) -> None:
        if result.frame == self.press_at:
            signal.raise_signal(signal.SIGINT)
        if result.frame == self.fail_at and self.error:
            raise self.error
        self.frames.append(result.frame)

    def finish(self, complete: bool = True, reason: str | None = None) -> None:
        signal.raise_signal(signal.SIGINT)
        self.ends.append(("finish", complete, reason))

    def abort(self) -> None:
        self.ends.append(("abort",))


def results(
    count: int, press_at: int | None = None, error: Exception | None = None, first: int = 0
) -> Iterator[FrameResult]:
    for frame in range(first, count):
        if frame == press_at:
            signal.raise_signal(signal.SIGINT)
        score = 1.0 if frame % 2 else 9.0
        yield FrameResult(frame, frame / 24, {1: np.zeros((2, 2), bool)}, {1: 0.9}, {1: score}, {1: 0.0})
    if error:
        raise error


def run(diary: Diary, frames: Iterator[FrameResult], stopped_early: str | None = None, kept_back: int = 0) -> Outcome:
    source: Any = SimpleNamespace(name="clip", stopped_early=stopped_early)
    writers: Any = diary
    with StopSignals() as stop:
        settle = partial(results, 100 + kept_back, first=100)
        return write_results(frames, settle, writers, source, TrackProgress("clip", None, quiet=True), stop)


def test_a_whole_run() -> None:
    diary = Diary()
    outcome = run(diary, results(5))
    assert diary.frames == [0, 1, 2, 3, 4]
    assert diary.ends == [("finish", True, None)]
    assert (outcome.frames, outcome.doubtful, outcome.last_frame, outcome.interrupted) == (5, 2, 4, False)
    assert outcome.frames_per_second > 0


def test_ctrl_c_also_writes_what_was_visited_but_not_decided_yet() -> None:
    diary = Diary()
    outcome = run(diary, results(5, press_at=3), kept_back=2)
    assert diary.frames == [0, 1, 2, 100, 101]
    assert (outcome.last_frame, outcome.interrupted) == (101, True)
    whole = Diary()
    run(whole, results(5), kept_back=2)
    assert whole.frames == [0, 1, 2, 3, 4]


def test_ctrl_c_while_tracking_keeps_what_is_finished() -> None:
    diary = Diary()
    outcome = run(diary, results(9, press_at=3))
    assert diary.frames == [0, 1, 2]
    assert diary.ends == [("finish", False, "stopped by the user after frame 2")]
    assert outcome.interrupted


def test_ctrl_c_while_writing_lets_the_frame_be_written() -> None:
    diary = Diary(press_at=3)
    outcome = run(diary, results(9))
    assert diary.frames == [0, 1, 2, 3]
    assert diary.ends == [("finish", False, "stopped by the user after frame 3")]
    assert outcome.interrupted


def test_ctrl_c_before_the_first_frame_leaves_nothing() -> None:
    diary = Diary()
    assert run(diary, results(9, press_at=0)).interrupted
    assert diary.ends == [("abort",)]


def test_a_truncated_video_is_finished_as_incomplete() -> None:
    diary = Diary()
    run(diary, results(3), stopped_early="the file ends after frame 2")
    assert diary.ends == [("finish", False, "the file ends after frame 2")]


def test_no_frame_at_all_is_an_error() -> None:
    diary = Diary()
    with pytest.raises(VideoError, match="nothing decodes"):
        run(diary, results(0), stopped_early="nothing decodes")
    assert diary.ends == [("abort",)]


@pytest.mark.parametrize("error", [OutputError("disk full"), VideoError("frame 2 is broken")])
def test_what_goes_wrong_in_the_middle_keeps_what_is_finished(error: UserError) -> None:
    diary = Diary(fail_at=2, error=error)
    outcome = run(diary, results(5))
    assert diary.ends == [("finish", False, f"failed after frame 1: {error}")]
    assert (outcome.failure, outcome.frames) == (error, 2)


def test_a_failure_also_keeps_what_was_visited_but_not_decided_yet() -> None:
    diary = Diary()
    outcome = run(diary, results(3, error=VideoError("frame 3 is broken")), kept_back=2)
    assert diary.frames == [0, 1, 2, 100, 101]
    assert outcome.failure is not None and outcome.last_frame == 101


def test_what_goes_wrong_at_once_leaves_nothing() -> None:
    diary = Diary(fail_at=0, error=OutputError("disk full"))
    with pytest.raises(OutputError):
        run(diary, results(5))
    assert diary.ends == [("abort",)]


def test_a_crash_keeps_what_is_finished_and_goes_on() -> None:
    diary = Diary()
    with pytest.raises(OSError, match="device lost"):
        run(diary, results(3, error=OSError(errno.EIO, "device lost")))
    assert diary.ends == [("finish", False, "failed after frame 2: OSError: [Errno 5] device lost")]
    diary = Diary()
    with pytest.raises(ValueError, match="broken"):
        run(diary, results(0, error=ValueError("broken")))
    assert diary.ends == [("abort",)]
