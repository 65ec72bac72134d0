"""Options that choose the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from sam2long.running.models import ModelChoice

_PANEL = "Network"

Model: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Network to use.", rich_help_panel=_PANEL)]
Checkpoint: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Weights (.pt or .safetensors). Default: the published ones, downloaded once.",
        rich_help_panel=_PANEL,
    ),
]
RandomWeights: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--random-weights", help="Use untrained random weights; the masks are meaningless.", rich_help_panel=_PANEL
    ),
]
ImageSize: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Side of the network's square input in pixels; smaller is faster and coarser. Default: the network's own.",
        rich_help_panel=_PANEL,
    ),
]
Device: TypeAlias = Annotated[
    str | None, typer.Option(help="cpu, cuda, cuda:1 or mps. Default: the fastest available.", rich_help_panel=_PANEL)
]
Precision: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="float32, bfloat16, or auto (bfloat16 where the hardware runs it faster).",
        rich_help_panel=_PANEL,
    ),
]
Compile: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Compile the network first; takes a minute or more and pays off on long videos.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True)
class NetworkOptions:
    """The network, and how it runs."""

    model: Model = "sam2.1-hiera-large"
    checkpoint: Checkpoint = None
    random_weights: RandomWeights = False
    image_size: ImageSize = None
    device: Device = None
    precision: Precision = "auto"
    compile: Compile = False

    def choice(self, quiet: bool) -> ModelChoice:
        """The network to load, quietly or not."""
        from sam2long.running.models import ModelChoice

        return ModelChoice(
            self.model,
            self.checkpoint,
            self.device,
            self.image_size,
            self.random_weights,
            self.precision,
            self.compile,
            quiet,
        )
