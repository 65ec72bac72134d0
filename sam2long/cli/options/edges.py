"""Options that change masks on their way into files, and their help texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from sam2long.results.postprocessing import Postprocessing

_EDGES = "Masks in files"

Soft: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--soft", help="Soft edges, from the network's mask logits, in alpha, matte and exr.", rich_help_panel=_EDGES
    ),
]
Feather: TypeAlias = Annotated[
    float,
    typer.Option(metavar="PIXELS", help="Blur the edges in alpha, matte and exr.", rich_help_panel=_EDGES),
]
Grow: TypeAlias = Annotated[
    int,
    typer.Option(metavar="PIXELS", help="Move outlines outward, or inward if negative.", rich_help_panel=_EDGES),
]
FillHoles: TypeAlias = Annotated[
    bool, typer.Option("--fill-holes", help="Fill the holes of each object.", rich_help_panel=_EDGES)
]
Largest: TypeAlias = Annotated[
    bool,
    typer.Option("--largest", help="Keep only the largest connected part of each object.", rich_help_panel=_EDGES),
]


def postprocessing(soft: bool, feather: float, grow: int, fill_holes: bool, largest: bool) -> Postprocessing:
    """Build the post-processing from the options.

    Raises:
        ConfigError: a value is out of range.
    """
    from sam2long.results.postprocessing import Postprocessing

    return Postprocessing(soft, largest, fill_holes, grow, feather)
