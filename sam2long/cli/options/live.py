"""Options of `sam2long track` for live sources: cameras, network streams and pipes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import typer

from sam2long.errors import ConfigError

_LIVE = "Live sources (camera:0, rtsp://..., http://..., - for a pipe)"
DROP, WAIT = "drop", "wait"


@dataclass(frozen=True)
class LiveOptions:
    """None where one was not given."""

    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.mkv", help="Record what arrives to this file, without re-encoding it.", rich_help_panel=_LIVE
        ),
    ] = None
    control: Annotated[
        str | None,
        typer.Option(
            "--control",
            metavar="FILE",
            help="Take prompts while it runs from this file or named pipe (- is standard input): one JSON object"
            " per line.",
            rich_help_panel=_LIVE,
        ),
    ] = None
    late: Annotated[
        str | None,
        typer.Option(
            metavar="drop|wait",
            help="What to do when frames arrive faster than they are tracked: drop the oldest, or let the source wait."
            " Default: drop; wait for a pipe, and for a file over HTTP.",
            rich_help_panel=_LIVE,
        ),
    ] = None
    buffer: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Number of frames that may wait to be tracked. Default: 4.", rich_help_panel=_LIVE
        ),
    ] = None
    reconnect: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="How long to try to reach a source that was lost. Default: 60.",
            rich_help_panel=_LIVE,
        ),
    ] = None

    def check_unused(self, video: str) -> None:
        """Raise ConfigError if one was given, although the video is not live."""
        for field in fields(self):
            if getattr(self, field.name) is not None:
                raise ConfigError(
                    f"--{field.name} is for live sources (camera:0, rtsp://..., http://..., -), not {video}"
                )

    def check(self) -> None:
        """Raise ConfigError unless the values are valid."""
        if self.late not in (None, DROP, WAIT):
            raise ConfigError(f"--late {self.late}: expected {DROP} or {WAIT}")
        if self.buffer is not None and self.buffer < 1:
            raise ConfigError(f"--buffer {self.buffer}: must be 1 or more")
        if self.reconnect is not None and not 0 <= self.reconnect < float("inf"):
            raise ConfigError(f"--reconnect {self.reconnect:g}: must be 0 seconds or more")
