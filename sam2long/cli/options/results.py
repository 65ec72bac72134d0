"""Options that say which files are written, and where, and what is printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from sam2long.results.scale import Scale as PixelSize

_PANEL = "Results"

Out: TypeAlias = Annotated[Path, typer.Option(metavar="DIR", help="Output folder.", rich_help_panel=_PANEL)]
Scale: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Size of a pixel with its unit, such as 0.325um: csv then has lengths and areas in that unit too.",
        rich_help_panel=_PANEL,
    ),
]
SessionFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--session",
        metavar="FILE.s2l",
        help="Save the run to this file as it goes. Run the same command again to resume; add prompts to correct it.",
        rich_help_panel=_PANEL,
    ),
]
Overwrite: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Replace the results of an earlier run.", rich_help_panel=_PANEL)
]
Quiet: TypeAlias = Annotated[
    bool, typer.Option("--quiet", help="Print only warnings and errors.", rich_help_panel=_PANEL)
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print what happens as JSON lines, for programs.", rich_help_panel=_PANEL)
]


@dataclass(frozen=True)
class SaveOptions:
    """Which formats are written."""

    save: Annotated[
        str,
        typer.Option(
            help="Formats to write: png, png-per-object, coco (with YouTube-VIS), overlay, npz, ytvis, yolo,"
            " labelme, cvat, cvat-masks, csv, contours, alpha, alpha-webm, alpha-per-object, alpha-webm-per-object,"
            " matte, matte-prores, exr.",
            rich_help_panel=_PANEL,
        ),
    ] = "png,overlay,coco"
    scale: Scale = None

    @property
    def formats(self) -> tuple[str, ...]:
        """Names of the formats."""
        return parse_formats(self.save)

    def pixel_size(self) -> PixelSize | None:
        """The size of a pixel; raises ConfigError."""
        return parse_scale(self.scale)


def parse_formats(text: str) -> tuple[str, ...]:
    """Names of formats, separated by commas."""
    return tuple(word.strip() for word in text.split(","))


def parse_scale(text: str | None) -> PixelSize | None:
    """The size of a pixel; raises ConfigError."""
    from sam2long.results.scale import Scale

    return None if text is None else Scale.parse(text)
