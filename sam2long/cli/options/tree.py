"""Options of the memory tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from sam2long.errors import ConfigError

if TYPE_CHECKING:
    from sam2long.tree import TreeConfig

_PANEL = "Memory tree"


@dataclass(frozen=True)
class TreeOptions:
    """The hyperparameters of the tree; None where one was not given."""

    pathways: Annotated[
        int | None,
        typer.Option(help="Number of hypotheses (pathways) kept per object. Default: 3.", rich_help_panel=_PANEL),
    ] = None
    iou_threshold: Annotated[
        float | None,
        typer.Option(
            help="Use only masks with a higher predicted IoU as memories. Default: 0.3.", rich_help_panel=_PANEL
        ),
    ] = None
    uncertainty_threshold: Annotated[
        float | None,
        typer.Option(
            help="Keep the hypotheses distinct while object scores are within this of 0. Default: 2.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    modulation: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="Scales of the attention keys of the least and most confident memory. Default: 0.95,1.05.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    merge: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Merge the hypotheses once their masks have agreed on N frames in a row: faster, may change results."
            " Default: never.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    greedy: Annotated[
        bool, typer.Option("--greedy", help="Plain SAM 2, without the memory tree.", rich_help_panel=_PANEL)
    ] = False

    def config(self) -> TreeConfig:
        """Build the tree's configuration.

        Raises:
            ConfigError: a value is out of range, or `greedy` is combined with a tree setting.
        """
        from sam2long.tree import TreeConfig

        given = {
            "pathways": self.pathways,
            "iou_threshold": self.iou_threshold,
            "uncertainty_threshold": self.uncertainty_threshold,
            "modulation": None if self.modulation is None else _parse_modulation(self.modulation),
            "merge": self.merge,
        }
        settings = {name: value for name, value in given.items() if value is not None}
        if self.greedy and settings:
            names = " and ".join("--" + name.replace("_", "-") for name in settings)
            raise ConfigError(f"--greedy runs SAM 2 without the memory tree and cannot be combined with {names}")
        return TreeConfig.greedy() if self.greedy else TreeConfig(**settings)  # type: ignore[arg-type]


@dataclass(frozen=True)
class TrackingOptions(TreeOptions):
    """Also how long a frame may wait, and what a scene cut does; None where one was not given."""

    max_delay: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Decide each frame at most N frames later. Default: no limit; 16 for live sources.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    cuts: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="At a scene cut: keep tracking (the default), pause memory until the object is found again, or stop.",
            rich_help_panel=_PANEL,
        ),
    ] = None

    def check(self) -> None:
        """Reject bad values now, because `Session` checks them only once the network is loaded.

        Raises:
            ConfigError: `max_delay` is negative, or `cuts` is none of the modes.
        """
        from sam2long.tracking.scenes import MODES

        if self.max_delay is not None and self.max_delay < 0:
            raise ConfigError(f"--max-delay {self.max_delay}: must be 0 or more")
        if self.cuts is not None and self.cuts not in MODES:
            raise ConfigError(f"--cuts {self.cuts}: must be one of {', '.join(MODES)}")


def _parse_modulation(text: str) -> tuple[float, float]:
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(f"--modulation {text}: expected LOW,HIGH, such as 0.95,1.05") from None
    return low, high
