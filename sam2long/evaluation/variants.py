"""The memory trees of one experiment: a single one, one beside plain SAM 2, or a sweep over one hyperparameter."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sam2long.errors import ConfigError
from sam2long.tree import TreeConfig

SWEPT = ("pathways", "iou-threshold", "uncertainty-threshold", "modulation", "merge")


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    Attributes:
        label: name of the row.
        folder: where its results go, within the experiment's; "" for the experiment's own.
        tree: hyperparameters of the memory tree.
    """

    label: str
    folder: str
    tree: TreeConfig

    @property
    def is_greedy(self) -> bool:
        """Whether the tree is plain SAM 2."""
        return self.tree == TreeConfig.greedy()


def single(tree: TreeConfig) -> list[Variant]:
    """One row."""
    return [Variant("SAM 2 (greedy)" if tree == TreeConfig.greedy() else "memory tree", "", tree)]


def with_baseline(tree: TreeConfig) -> list[Variant]:
    """Plain SAM 2 and the tree.

    Raises:
        ConfigError: the tree is plain SAM 2 itself.
    """
    greedy = TreeConfig.greedy()
    if tree == greedy:
        raise ConfigError("--baseline compares the tree with plain SAM 2: leave out --greedy")
    return [Variant("SAM 2 (greedy)", "greedy", greedy), Variant("memory tree", "tree", tree)]


def sweep(text: str, tree: TreeConfig) -> list[Variant]:
    """Read `pathways=1,2,3,4`, `iou-threshold=none,0,0.3`, `uncertainty-threshold=1,2` or `modulation=none,0.95:1.05`.

    Raises:
        ConfigError: anything else.
    """
    name, _, values = text.partition("=")
    if name not in SWEPT or not values:
        raise ConfigError(f"--sweep {text}: give NAME=VALUE,VALUE,... with NAME one of {', '.join(SWEPT)}")
    return [_swept(name, value.strip(), tree) for value in values.split(",")]


def _swept(name: str, value: str, tree: TreeConfig) -> Variant:
    try:
        return Variant(f"{name} {value}", f"{name}-{value.replace(':', '-')}", _with(name, value, tree))
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"--sweep {name}: {value!r} is no value for it") from error


def _with(name: str, value: str, tree: TreeConfig) -> TreeConfig:
    if name == "pathways":
        return replace(tree, pathways=int(value))
    if name == "merge":
        return replace(tree, merge=None if value == "none" else int(value))
    if name == "uncertainty-threshold":
        return replace(tree, uncertainty_threshold=float(value))
    if name == "iou-threshold":
        return replace(tree, iou_threshold=None if value == "none" else float(value))
    if value == "none":
        return replace(tree, modulation=None)
    low, high = (float(word) for word in value.split(":"))
    return replace(tree, modulation=(low, high))
