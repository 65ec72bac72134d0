"""`sam2long export`: writes the results of an earlier run in other formats, without tracking again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sam2long.cli.options import frames, results
from sam2long.cli.options.edges import EdgeOptions
from sam2long.cli.options.grouped import grouped


@grouped
def export(
    *,
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Output folder of sam2long track or export, or a session file (.s2l).")
    ],
    save: Annotated[str, typer.Option(metavar="FORMAT,...", help="Formats to write; those of sam2long track --save.")],
    out: results.Out,
    video: Annotated[
        str | None,
        typer.Option(metavar="VIDEO", help="Where the video is now. Default: where it was when it was tracked."),
    ] = None,
    scale: results.Scale = None,
    levels: frames.Levels = None,
    edges: EdgeOptions,
    overwrite: results.Overwrite = False,
    quiet: results.Quiet = False,
    as_json: results.AsJson = False,
) -> None:
    """Write the results of an earlier run or session in other formats, without tracking again."""
    # Imported here because PyTorch takes seconds, and `sam2long --help` must be fast.
    from sam2long.cli.running.events import choose
    from sam2long.cli.running.progress import progress_of
    from sam2long.running.export import export as write
    from sam2long.running.export import needs_pixels
    from sam2long.running.interrupt import StopSignals
    from sam2long.running.kept_results import open_kept

    changes, size, formats = edges.postprocessing(), results.parse_scale(scale), results.parse_formats(save)
    events = choose(as_json)
    with open_kept(run, video, frames.parse_levels(levels), needs_pixels(formats)) as kept, StopSignals() as stop:
        progress = progress_of(run.name, len(kept.times), quiet, out)
        done = write(kept, out, formats, size, overwrite, progress, stop, changes)
    if events is not None:
        facts = {"frames": done.frames, "out": str(out), "files": [path.name for path in done.files]}
        if done.interrupted:
            events.failed(run.name, f"stopped by {stop.who}", **facts)
        else:
            events.done(run.name, **facts, warnings=[kept.stopped] if kept.stopped else [])
    if done.interrupted:
        sys.stderr.write(f"stopped by {stop.who}; nothing was written, run the same command again\n")
        raise typer.Exit(stop.status)
    if kept.stopped:
        sys.stderr.write(f"warning: {run} is not complete: {kept.stopped}\n")
    if not quiet and events is None:
        written = ", ".join(path.name + "/" * path.is_dir() for path in done.files)
        typer.echo(f"{done.frames} frame{'s' * (done.frames != 1)} of {run} in {out}: {written}")
