"""`sam2long compare`: where and how much the masks of two runs differ."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sam2long.cli.options import results

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from sam2long.cli.running.comparing import CompareFiles
    from sam2long.evaluation.difference import Difference
    from sam2long.evaluation.run_pair import RunPair
    from sam2long.running.interrupt import Stop

_JOB = "compare"
_LISTED, _SHOWN_SPANS = 10, 8


def compare(
    run_a: Annotated[
        Path, typer.Argument(metavar="RUN_A", help="An output folder, a session file (.s2l), or a folder of mask PNGs.")
    ],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="The other one; also a folder of ground truth.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write compare.json, frames.csv and side-by-side.mp4 into this folder."),
    ] = None,
    video: Annotated[
        str | None,
        typer.Option(metavar="VIDEO", help="Where the video is now. Default: where it was when it was tracked."),
    ] = None,
    overwrite: results.Overwrite = False,
    as_json: results.AsJson = False,
) -> None:
    """Compare the masks of two runs of one video: a table, the frames to look at, and a video of the difference."""
    # Imported here because PyTorch takes seconds, and `sam2long --help` must be fast.
    from sam2long.cli.running.comparing import CompareFiles
    from sam2long.cli.running.events import choose
    from sam2long.evaluation.run_pair import open_pair
    from sam2long.running.interrupt import StopSignals

    events = choose(as_json)
    with (
        open_pair(run_a, run_b, video, pixels=out is not None) as pair,
        StopSignals() as stop,
        nullcontext() if out is None else CompareFiles(out, pair, overwrite) as files,
    ):
        difference = _measure(pair, files, stop, out)
        if stop.asked:
            if events is not None:
                events.failed(_JOB, f"stopped by {stop.who}")
            sys.stderr.write(f"stopped by {stop.who}; nothing was written, run the same command again\n")
            raise typer.Exit(stop.status)
        if files is not None:
            files.finish(_content(pair, difference))
    if events is not None:
        written = [] if files is None else [path.name for path in files.files]
        events.done(_JOB, frames=difference.frames, out=out, files=written)
        events.result(**_content(pair, difference))
        return
    _print(pair, difference)
    if files is not None:
        typer.echo(f"{', '.join(path.name for path in files.files)} in {out}")


def _measure(pair: RunPair, files: CompareFiles | None, stop: Stop, out: Path | None) -> Difference:
    from sam2long.cli.running.progress import progress_of
    from sam2long.evaluation.difference import Difference

    difference = Difference()
    with progress_of(_JOB, len(pair.frames), out=out) as progress:
        for frame in stop.until_asked(iter(pair.frames)):
            a, b = pair.a.masks(frame), pair.b.masks(frame)
            found = list(difference.add(frame, pair.time(frame), a, b))
            if files is not None:
                files.add(frame, found, a, b)
            progress.advance()
    return difference


def _content(pair: RunPair, difference: Difference) -> dict[str, Any]:
    return {
        "a": str(pair.a.path),
        "b": str(pair.b.path),
        "frames_a": len(pair.a.times),
        "frames_b": len(pair.b.times),
        **difference.as_json(_LISTED),
    }


def _print(pair: RunPair, difference: Difference) -> None:
    from rich.console import Console

    for line in _heading(pair, difference):
        typer.echo(line)
    # A pipe has no width; fix one so that rows do not wrap.
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    if difference.objects:
        console.print(_table(difference))
    for line in _places(difference):
        typer.echo(line)


def _heading(pair: RunPair, difference: Difference) -> Iterator[str]:
    (a, b), common = pair.names, difference.frames
    yield f"A: {a}, {pair.a.span}"
    yield f"B: {b}, {pair.b.span}"
    if not common == len(pair.a.times) == len(pair.b.times):
        yield f"compared: the {common} frames that both have"
    for name, shown, other in (("A", "a", "b"), ("B", "b", "a")):
        lone = [item for item in difference.objects.values() if not item.shown["both"] and not item.shown[other]]
        if ids := ", ".join(str(item.object_id) for item in lone if item.shown[shown]):
            yield f"only {name} shows object {ids}"
    if all(item.first is None for item in difference.objects.values()):
        yield "no difference" if difference.objects else "no object is shown in either"


def _table(difference: Difference) -> Table:
    from rich.table import Table

    table = Table()
    for name in ("object", "J", "F", "frames", "identical", "only A", "only B", "first differs", "worst frame"):
        table.add_column(name, justify="right")
    for object_id in sorted(difference.objects):
        item = difference.objects[object_id]
        worst = next(iter(item.worst(1)), None)
        table.add_row(
            str(object_id),
            f"{100 * item.j:.1f}",
            f"{100 * item.f:.1f}",
            str(sum(item.shown.values()) - item.shown["neither"]),
            str(item.identical),
            str(item.shown["a"]),
            str(item.shown["b"]),
            "never" if item.first is None else str(item.first),
            "" if worst is None else f"{worst[0]} (J {100 * worst[1]:.1f})",
        )
    return table


def _places(difference: Difference) -> Iterator[str]:
    """Where to look: spans that only one shows, and the worst frames."""
    spans = difference.lone()
    for span in spans[:_SHOWN_SPANS]:
        where = f"frame {span.first}" if span.first == span.last else f"frames {span.first} to {span.last}"
        yield f"only {span.shown.upper()} shows object {span.object_id} on {where}"
    if len(spans) > _SHOWN_SPANS:
        yield f"and {len(spans) - _SHOWN_SPANS} shorter spans"
    worst = difference.worst(_LISTED)
    if worst:
        listed = ", ".join(f"{frame} (object {object_id}, J {100 * j:.1f})" for frame, object_id, j in worst)
        yield f"largest differences: {listed}"
