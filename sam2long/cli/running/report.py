"""A run in the terminal: tracking with progress and Ctrl-C, and the final message."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import typer

from sam2long.cli.running.events import Events, current
from sam2long.cli.running.progress import progress_of
from sam2long.model import SAM2
from sam2long.results.writers import WriterSet
from sam2long.running.interrupt import StopSignals
from sam2long.running.run import OpenRun, Run, open_run
from sam2long.running.write import Outcome


def track_and_report(
    run: Run,
    load: Callable[[], SAM2],
    quiet: bool = False,
    note: str | None = None,
    opening: Callable[[Run, Callable[[], SAM2]], AbstractContextManager[OpenRun]] = open_run,
) -> None:
    """Track, write the results and report.

    Args:
        run: what to track.
        load: loads the network, once everything else is checked.
        quiet: print only warnings and errors.
        note: printed at the beginning.
        opening: opens the run; that of a live source is different.

    Raises:
        UserError: the input is invalid, and no files are left behind; or the run failed midway, and the frames
            finished so far are kept.
        typer.Exit: with status 130 after Ctrl-C, 143 after SIGTERM.
    """
    with opening(run, load) as opened:
        if note is not None and not quiet and current() is None:
            sys.stderr.write(f"{note}\n")
        progress = progress_of(run.source.name, opened.expected, quiet, run.out)
        with StopSignals() as stop:
            outcome = opened.write(progress, stop)
            _report(run, outcome, opened.writers, stop.who, quiet)
    if outcome.failure is not None:
        raise outcome.failure
    if outcome.interrupted:
        raise typer.Exit(stop.status)


def _report(run: Run, outcome: Outcome, writers: WriterSet, who: str, quiet: bool) -> None:
    if (events := current()) is not None:
        _tell(events, run, outcome, writers, who)
    if outcome.failure is not None:
        sys.stderr.write(f"{_frames(outcome.frames)}, up to frame {outcome.last_frame}, kept in {run.out}\n")
        return
    if outcome.interrupted:
        sys.stderr.write(_interrupted_line(run, outcome, who))
        return
    if outcome.stopped_early:
        sys.stderr.write(f"warning: {outcome.stopped_early}\n")
    if not quiet and events is None:
        typer.echo(_closing_line(run, outcome, writers))


def _tell(events: Events, run: Run, outcome: Outcome, writers: WriterSet, who: str) -> None:
    facts = {
        "frames": outcome.frames,
        "frames_per_second": round(outcome.frames_per_second, 3),
        "doubtful": outcome.doubtful,
        "out": str(run.out),
        "files": [path.name for path in writers.files],
    }
    if outcome.failure is not None:
        events.failed(run.source.name, str(outcome.failure), **facts)
    elif outcome.interrupted:
        events.failed(run.source.name, f"stopped by {who}", **facts)
    else:
        events.done(run.source.name, **facts, warnings=[outcome.stopped_early] if outcome.stopped_early else [])


def _interrupted_line(run: Run, outcome: Outcome, who: str) -> str:
    again = "" if run.session_file is None else f"; run the same command again to resume from {run.session_file}"
    if not outcome.frames:
        return f"stopped by {who} before the first frame was finished; nothing was kept{again}\n"
    return f"stopped by {who} at frame {outcome.last_frame}; {_frames(outcome.frames)} kept in {run.out}{again}\n"


def _closing_line(run: Run, outcome: Outcome, writers: WriterSet) -> str:
    written = ", ".join(path.name + "/" * path.is_dir() for path in writers.files)
    objects = run.object_ids
    where = f" (run sam2long review {run.out} to list them)" if outcome.doubtful else ""
    named = f"object {objects[0]}" if len(objects) == 1 else f"{len(objects)} objects"
    return (
        f"{_frames(outcome.frames)} of {named} in {run.out}: {written}; "
        f"{outcome.frames_per_second:.1f} frames/s, {_frames(outcome.doubtful)} doubtful{where}"
    )


def _frames(count: int) -> str:
    return f"{count} frame{'s' * (count != 1)}"
