"""`sam2long review`: lists the frames of a run most worth checking, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sam2long.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from sam2long.review.suggestions import Observation, Suggestion

_PICTURES = (".png", ".svg", ".pdf")


def review(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Output folder of sam2long track, its trace.csv, or its session file.")
    ],
    budget: Annotated[int, typer.Option(min=1, help="Maximum number of frames to list.")] = 20,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Plot the scores over time and highlight the listed frames.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the frames of a run most worth checking, the most useful first, each with a reason."""
    # Imported here because PyTorch takes seconds, and `sam2long --help` must be fast.
    from sam2long.review.suggestions import review as choose

    if plot is not None:
        _check_plot(plot)
    suggestions = choose(_observations(run), budget)
    if plot is not None:
        from sam2long.review.timeline import draw_timeline

        draw_timeline(_observations(run), suggestions, plot)
    if as_json:
        typer.echo(json.dumps([asdict(item) for item in suggestions], indent=1))
    elif suggestions:
        _print_table(suggestions)
    else:
        typer.echo(f"no doubtful frames in {run}")


def clock(seconds: float) -> str:
    """Format seconds as hours, minutes and seconds: `1:02:03`."""
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


def _observations(run: Path) -> Iterator[Observation]:
    """Read the observations of a run, which may be an output folder, a trace or a session file."""
    from sam2long.results.trace_file import TRACE_FILE, read_trace
    from sam2long.tracking.saving.archive import is_session, read_observations

    if run.is_file() and is_session(run):
        return read_observations(run)
    return read_trace(run / TRACE_FILE if run.is_dir() else run)


def _check_plot(path: Path) -> None:
    if path.suffix.lower() not in _PICTURES:
        raise ConfigError(f"--plot {path}: the file name must end in {', '.join(_PICTURES[:-1])} or {_PICTURES[-1]}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError("--plot needs matplotlib: pip install 'sam2long[report]'") from error


def _print_table(suggestions: list[Suggestion]) -> None:
    from rich.console import Console

    # A pipe has no width; fix one so that rows do not wrap.
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(_table(suggestions))


def _table(suggestions: list[Suggestion]) -> Table:
    from rich.table import Table

    table = Table()
    for name in ("frame", "time", "object", "doubt"):
        table.add_column(name, justify="right")
    table.add_column("reason")
    for item in suggestions:
        table.add_row(str(item.frame), clock(item.time), str(item.object_id), f"{item.doubt:.2f}", item.reason)
    return table
