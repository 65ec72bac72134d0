"""A live run in the terminal: its checks before anything is opened, and what became of the stream."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from sam2long.cli.options.live import DROP, LiveOptions
from sam2long.cli.running.report import track_and_report
from sam2long.errors import ConfigError, OutputError
from sam2long.model import SAM2
from sam2long.running.control import STDIN, Control
from sam2long.running.live_run import check_live_options, open_live_run
from sam2long.running.prompts.parsed import Prompt
from sam2long.running.run import FrameRange, Run
from sam2long.video import VideoSource, open_video
from sam2long.video.live.address import PIPE, is_live, parse_address
from sam2long.video.live.live_source import BUFFER, RECONNECT, LiveSource
from sam2long.video.pixels.levels import checked_levels


class _How(Protocol):
    """What is needed of how to read a video."""

    @property
    def frames(self) -> FrameRange: ...
    @property
    def fps(self) -> float | None: ...
    @property
    def levels(self) -> tuple[float, float] | None: ...


class _Where(Protocol):
    """What is needed of where results go."""

    @property
    def formats(self) -> tuple[str, ...]: ...
    @property
    def overwrite(self) -> bool: ...
    @property
    def session(self) -> Path | None: ...


def opened_source(video: str, prompts: Sequence[Prompt], how: _How, where: _Where, live: LiveOptions) -> VideoSource:
    """Open a video or, after checking all options that do not fit one, a live source.

    Raises:
        UserError: the video or the source cannot be opened, or an option does not fit it.
    """
    if not is_live(video):
        live.check_unused(video)
        return open_video(video, fps=how.fps, levels=how.levels)
    live.check()
    shown = parse_address(video).shown
    _check_possible(video, shown, how, where, live)
    check_live_options(how.frames.start, how.frames.end, {prompt.frame for prompt in prompts}, shown)
    return LiveSource(
        video,
        drop=None if live.late is None else live.late == DROP,
        buffer=BUFFER if live.buffer is None else live.buffer,
        reconnect=RECONNECT if live.reconnect is None else live.reconnect,
        record=live.record,
        overwrite=where.overwrite,
        levels=checked_levels(how.levels),
        tell=_warn,
    )


def track_live(
    run: Run, source: LiveSource, load: Callable[[], SAM2], live: LiveOptions, quiet: bool, note: str | None
) -> None:
    """Track a live source, write the results and report; see `track_and_report`.

    Raises:
        OutputError: everything is written, except that the recording is not complete.
    """
    control = None if live.control is None else Control(live.control)
    say = _ignore if quiet else _say
    try:
        track_and_report(run, load, quiet, note, partial(open_live_run, control=control, say=say, warn=_warn))
    finally:
        source.close()
        if source.next_frame:
            say(_account(source, live.record))
    if source.recording_failure is not None:
        raise OutputError(source.recording_failure)


def _check_possible(video: str, shown: str, how: _How, where: _Where, live: LiveOptions) -> None:
    """Raise ConfigError for options that a live source cannot follow."""
    if how.frames.reverse:
        raise ConfigError(f"--reverse: {shown} is live and cannot be followed backward")
    if how.fps is not None:
        raise ConfigError(f"--fps is for folders of images; {shown} has its own time stamps")
    if where.session is not None:
        raise ConfigError(
            f"--session needs a video that can be read again, and {shown} is live; --record FILE keeps it"
        )
    if live.control is None:
        return
    if "npz" in where.formats:
        raise ConfigError("--save npz needs to know all objects at the start, and --control may add some; omit npz")
    if video == PIPE and live.control == STDIN:
        raise ConfigError("the video and --control cannot both be standard input; use a file or a named pipe")
    Control(live.control)


def _account(source: LiveSource, record: Path | None) -> str:
    """What became of the stream, such as `12 frames dropped, at most 0.31 s behind; recorded in match.mkv`."""
    facts = source.facts()
    dropped, back = facts["dropped"], facts["reconnections"]
    parts = [f"{dropped} frame{'s' * (dropped != 1)} dropped"]
    if source.drops:
        parts[0] += f", the others at most {facts['longest_wait']} s in the buffer"
    if back:
        parts.append(f"lost and back {back} time{'s' * (back != 1)}")
    if record is not None:
        parts.append(source.recording_failure or f"recorded in {record}")
    return "; ".join(parts)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _warn(line: str) -> None:
    sys.stderr.write(f"warning: {line}\n")


def _ignore(line: str) -> None:
    """Print nothing."""
