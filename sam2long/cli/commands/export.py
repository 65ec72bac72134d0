"""`sam2long export`: writes the results of an earlier run in other formats, without tracking again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sam2long.cli.options import common as options


def export(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Output folder of sam2long track or export, or a session file (.s2l).")
    ],
    save: Annotated[str, typer.Option(metavar="FORMAT,...", help="Formats to write; those of sam2long track --save.")],
    out: options.Out,
    video: Annotated[
        str | None,
        typer.Option(metavar="VIDEO", help="Where the video is now. Default: where it was when it was tracked."),
    ] = None,
    levels: options.Levels = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Write the results of an earlier run or session in other formats, without tracking again."""
    # Imported here because PyTorch takes seconds, and `sam2long --help` must be fast.
    from sam2long.cli.options.video import parse_levels
    from sam2long.cli.running.progress import TrackProgress
    from sam2long.running.export import export as write
    from sam2long.running.export import needs_pixels
    from sam2long.running.interrupt import StopSignals
    from sam2long.running.kept_results import open_kept

    formats = tuple(word.strip() for word in save.split(","))
    with open_kept(run, video, parse_levels(levels), needs_pixels(formats)) as kept, StopSignals() as stop:
        progress = TrackProgress(run.name, len(kept.times), quiet=quiet)
        done = write(kept, out, formats, overwrite, progress, stop)
    if done.interrupted:
        sys.stderr.write(f"stopped by {stop.who}; nothing was written, run the same command again\n")
        raise typer.Exit(stop.status)
    if kept.stopped:
        sys.stderr.write(f"warning: {run} is not complete: {kept.stopped}\n")
    if not quiet:
        written = ", ".join(path.name + "/" * path.is_dir() for path in done.files)
        typer.echo(f"{done.frames} frame{'s' * (done.frames != 1)} of {run} in {out}: {written}")
