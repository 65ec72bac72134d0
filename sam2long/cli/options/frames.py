"""Options that choose frames and say how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from sam2long.errors import ConfigError

if TYPE_CHECKING:
    from sam2long.running.run import FrameRange

_PANEL = "Frames"

Fps: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Frame rate of a folder of images, in frames per second. Default: 24.", rich_help_panel=_PANEL),
]
Levels: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Values of black and white for videos of more than 8 bits. Default: from the content, if it looks dark.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True)
class FrameOptions:
    """Which frames are visited, and how they are read."""

    start: Annotated[
        int | None, typer.Option(help="First frame. Default: the first one with a prompt.", rich_help_panel=_PANEL)
    ] = None
    end: Annotated[
        int | None,
        typer.Option(help="Last frame, inclusive. Default: the last one of the video.", rich_help_panel=_PANEL),
    ] = None
    stride: Annotated[int, typer.Option(help="Visit every n-th frame only.", rich_help_panel=_PANEL)] = 1
    reverse: Annotated[
        bool,
        typer.Option(
            "--reverse",
            help="Track backwards in time, by default from the last prompt to frame 0.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    fps: Fps = None
    levels: Levels = None

    def chosen(self) -> FrameRange:
        """The frames to visit."""
        from sam2long.running.run import FrameRange

        return FrameRange(self.start, self.end, self.stride, self.reverse)


def parse_levels(text: str | None) -> tuple[float, float] | None:
    """Parse `LOW,HIGH`; `open_video` checks that they are valid levels.

    Raises:
        ConfigError: the text is not two numbers.
    """
    if text is None:
        return None
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(
            f"--levels {text}: expected LOW,HIGH, the values of black and white, such as 0,4095"
        ) from None
    return low, high
