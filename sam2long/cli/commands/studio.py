"""`sam2long studio`: work on a video in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sam2long.cli.options import frames
from sam2long.cli.options import network as options


def studio(
    video: Annotated[
        str,
        typer.Argument(
            metavar="VIDEO|SESSION.s2l",
            help="A video file, a folder of images, a quoted pattern such as 'in/*.jpg', or a session to continue.",
        ),
    ],
    session: Annotated[
        Path | None,
        typer.Option(metavar="FILE.s2l", help="Where the session is saved. Default: beside the video, VIDEO.s2l."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for exports. Default: beside the session file, VIDEO-masks."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes any free one. Default: 8421 if it is free.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow a --host that other machines can reach.")
    ] = False,
    model: options.Model = "nano",
    checkpoint: options.Checkpoint = None,
    random_weights: options.RandomWeights = False,
    image_size: options.ImageSize = None,
    device: options.Device = None,
    precision: options.Precision = "auto",
    fps: frames.Fps = None,
    levels: frames.Levels = None,
) -> None:
    """Work on a video in the browser: mark objects, follow them, correct where in doubt, export."""
    # Imported here because PyTorch and PyAV take seconds, and `sam2long --help` must be fast.
    from sam2long.running.models import ModelChoice
    from sam2long.studio.serve import Address, find_place, serve
    from sam2long.studio.work.export import ExportSettings
    from sam2long.video import open_video

    address = Address(host, port, allow_remote)
    choice = ModelChoice(model, checkpoint, device, image_size, random_weights, precision)
    place = find_place(video, session, out)
    with open_video(place.video, fps=fps, levels=frames.parse_levels(levels)) as source:
        exports = ExportSettings(
            place.video, place.session, place.folder, choice.described(), _options(choice.described(), fps, levels)
        )
        serve(place, source, choice.load, address, exports, browser)


def _options(network: dict[str, object], fps: float | None, levels: str | None) -> list[str]:
    """Options of `sam2long track` that choose the same network and frames."""
    given = {**network, "fps": fps, "levels": levels}
    usual = {"precision": "auto", "random_weights": False}
    words: list[str] = []
    for name, value in given.items():
        if value is not None and value != usual.get(name):
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return words
