"""Parses the memory-tree options of the command line."""

from __future__ import annotations

from sam2long.errors import ConfigError
from sam2long.tree import TreeConfig


def tree_config(
    pathways: int | None,
    iou_threshold: float | None,
    uncertainty_threshold: float | None,
    modulation: str | None,
    merge: int | None,
    greedy: bool,
) -> TreeConfig:
    """Build the tree configuration from the options; None keeps a default.

    Raises:
        ConfigError: a value is out of range, or `greedy` is combined with a tree setting.
    """
    given = {
        "pathways": pathways,
        "iou_threshold": iou_threshold,
        "uncertainty_threshold": uncertainty_threshold,
        "modulation": None if modulation is None else parse_modulation(modulation),
        "merge": merge,
    }
    settings = {name: value for name, value in given.items() if value is not None}
    if greedy and settings:
        names = " and ".join("--" + name.replace("_", "-") for name in settings)
        raise ConfigError(f"--greedy runs SAM 2 without the memory tree and cannot be combined with {names}")
    return TreeConfig.greedy() if greedy else TreeConfig(**settings)  # type: ignore[arg-type]


def parse_modulation(text: str) -> tuple[float, float]:
    """Parse `LOW,HIGH`.

    Raises:
        ConfigError: the text is not two numbers.
    """
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(f"--modulation {text}: expected LOW,HIGH, such as 0.95,1.05") from None
    return low, high


def check_delay(max_delay: int | None) -> None:
    """Reject a bad value now, because `Session` checks it only once the network is loaded.

    Raises:
        ConfigError: `max_delay` is negative.
    """
    if max_delay is not None and max_delay < 0:
        raise ConfigError(f"--max-delay {max_delay}: must be 0 or more")


def check_cuts(cuts: str | None) -> None:
    """Reject a bad word now, for the same reason.

    Raises:
        ConfigError: `cuts` is none of the modes.
    """
    from sam2long.tracking.scenes import MODES

    if cuts is not None and cuts not in MODES:
        raise ConfigError(f"--cuts {cuts}: must be one of {', '.join(MODES)}")
