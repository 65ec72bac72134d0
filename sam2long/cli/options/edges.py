"""Options that change masks on their way into files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sam2long.results.postprocessing import Postprocessing

_PANEL = "Masks in files"


@dataclass(frozen=True)
class EdgeOptions:
    """Changes to the masks; nothing by default."""

    soft: Annotated[
        bool,
        typer.Option(
            "--soft",
            help="Soft edges, from the network's mask logits, in alpha, matte and exr.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    feather: Annotated[
        float,
        typer.Option(metavar="PIXELS", help="Blur the edges in alpha, matte and exr.", rich_help_panel=_PANEL),
    ] = 0.0
    grow: Annotated[
        int,
        typer.Option(metavar="PIXELS", help="Move outlines outward, or inward if negative.", rich_help_panel=_PANEL),
    ] = 0
    fill_holes: Annotated[
        bool, typer.Option("--fill-holes", help="Fill the holes of each object.", rich_help_panel=_PANEL)
    ] = False
    largest: Annotated[
        bool,
        typer.Option("--largest", help="Keep only the largest connected part of each object.", rich_help_panel=_PANEL),
    ] = False

    def postprocessing(self) -> Postprocessing:
        """What is done to masks; raises ConfigError if a value is out of range."""
        from sam2long.results.postprocessing import Postprocessing

        return Postprocessing(self.soft, self.largest, self.fill_holes, self.grow, self.feather)
