"""The memory tree's settings from the words of a command line."""

from __future__ import annotations

from sam2long.errors import ConfigError
from sam2long.tree import TreeConfig


def tree_config(
    pathways: int | None,
    iou_threshold: float | None,
    uncertainty_threshold: float | None,
    modulation: str | None,
    greedy: bool,
) -> TreeConfig:
    """The tree that the options describe; None leaves a default as it is.

    Raises:
        ConfigError: a value outside its range, or `greedy` together with a setting of the tree.
    """
    given = {
        "pathways": pathways,
        "iou_threshold": iou_threshold,
        "uncertainty_threshold": uncertainty_threshold,
        "modulation": None if modulation is None else parse_modulation(modulation),
    }
    settings = {name: value for name, value in given.items() if value is not None}
    if greedy and settings:
        names = " and ".join("--" + name.replace("_", "-") for name in settings)
        raise ConfigError(f"--greedy is SAM 2 without a tree: leave out {names}")
    return TreeConfig.greedy() if greedy else TreeConfig(**settings)  # type: ignore[arg-type]


def parse_modulation(text: str) -> tuple[float, float]:
    """Reads `LOW,HIGH`.

    Raises:
        ConfigError: not two numbers.
    """
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(f"--modulation {text}: give LOW,HIGH, such as 0.95,1.05") from None
    return low, high


def check_delay(max_delay: int | None) -> None:
    """Refuses what `Session` would refuse only after the network is loaded.

    Raises:
        ConfigError: negative.
    """
    if max_delay is not None and max_delay < 0:
        raise ConfigError(f"--max-delay {max_delay}: must be 0 or more")
