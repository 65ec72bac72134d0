"""The progress of a batch: a live display on a terminal, a line per finished job elsewhere, or JSON lines."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import TracebackType

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sam2long.batch.driver import Update
from sam2long.batch.result import DONE, FAILED, RUNNING, WAITING

_SHOWN = 8
"""Running jobs that are listed."""
_EVERY = 2.0
"""Seconds between two JSON lines about how things stand."""


class BatchProgress:
    """Context manager that shows updates as they come.

    Args:
        as_json: print JSON lines to standard output instead.
        quiet: print only failures.
        console: where to draw; standard error by default.
    """

    def __init__(self, as_json: bool, quiet: bool, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._as_json, self._quiet = as_json, quiet
        self._live: Live | None = None
        self._running: dict[str, Update] = {}
        self._told = 0.0
        if self._console.is_terminal and not as_json and not quiet:
            self._live = Live(console=self._console, transient=True, refresh_per_second=4)

    def __enter__(self) -> BatchProgress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, update: Update) -> None:
        """Show an update."""
        if self._as_json:
            self._print_json(update)
            return
        if update.result is not None:
            if update.kind in ("started", "progress"):
                self._running[update.result.id] = update
            else:
                self._running.pop(update.result.id, None)
            line = _line(update)
            if line is not None and not (self._quiet and update.kind == "done"):
                self._console.print(line, soft_wrap=True)
        if self._live is not None:
            self._live.update(self._display(update))

    def conclude(self, counts: dict[str, int], out: Path, stopped_by: str | None) -> None:
        """Print the last line."""
        if stopped_by is not None:
            done = f"stopped by {stopped_by}; {counts.get(DONE, 0):,} jobs done in {out}"
            sys.stderr.write(f"{done}; run the same command again to resume\n")
        elif not self._quiet and not self._as_json:
            typer.echo(f"{_totals(counts)} in {out}: report.html, report.jsonl, a folder per job")

    def _display(self, update: Update) -> Group:
        lines = [Text(f"{_totals(update.counts)}{_left(update.left)}")]
        for job_id, running in list(self._running.items())[:_SHOWN]:
            speed = f", {running.frames_per_second:.1f} frames/s" if running.frames else ""
            lines.append(Text(f"  {job_id}: {running.frames} frames{speed}", style="dim", no_wrap=True))
        if len(self._running) > _SHOWN:
            lines.append(Text(f"  and {len(self._running) - _SHOWN} more", style="dim"))
        return Group(*lines)

    def _print_json(self, update: Update) -> None:
        if update.kind == "tick" and time.monotonic() - self._told < _EVERY and update.counts.get(RUNNING):
            return
        if update.kind == "tick":
            self._told = time.monotonic()
        content: dict[str, object] = {"event": update.kind}
        if update.result is not None:
            content |= {"job": update.result.id, **update.result.row()}
            del content["id"]
        if update.kind == "progress":
            content |= {"frames": update.frames, "frames_per_second": update.frames_per_second}
        if update.retry_in is not None:
            content["retry_in"] = update.retry_in
        left = None if update.left is None else round(update.left, 1)
        typer.echo(json.dumps({**content, "counts": update.counts, "seconds_left": left}))


def _line(update: Update) -> Text | None:
    result = update.result
    assert result is not None
    if update.kind == "done":
        speed = "" if result.frames_per_second is None else f", {result.frames_per_second:.1f} frames/s"
        warned = "".join(f"; {line}" for line in result.warnings)
        return Text(f"done: {result.id}, {result.frames} frames{speed}, {result.doubtful} doubtful{warned}")
    if update.kind == "failed":
        return Text(f"failed: {result.id} after {result.attempts} attempts: {result.error}", style="red")
    if update.kind == "retry":
        return Text(f"attempt {result.attempts} of {result.id} failed, next in {update.retry_in:g} s: {result.error}")
    return None


def _totals(counts: dict[str, int]) -> str:
    words = [f"{counts.get(DONE, 0):,} of {sum(counts.values()):,} jobs done"]
    words += [f"{counts[state]:,} {state}" for state in (FAILED, RUNNING, WAITING) if counts.get(state)]
    return ", ".join(words)


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, second = divmod(int(seconds), 60)
    return f", {minutes // 60}:{minutes % 60:02}:{second:02} left"
