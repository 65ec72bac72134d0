"""Trees with full memories to measure with, and the memory that the process uses."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from sam2long.model import SAM2
from sam2long.model.memory.encoded import EncodedMemory
from sam2long.tracking.frame.outcome import Outcome
from sam2long.tree import Clock, History, Node, ObjectTree, Pathway, TreeConfig

Tree = ObjectTree[EncodedMemory, Outcome]


def full_tree(model: SAM2, config: TreeConfig, distinct: int) -> Tree:
    """Build the tree of an object prompted on frame 0, ready for frame `model.config.max_pointers`.

    Args:
        model: its configuration gives the sizes of the memories, and its device their place.
        config: hyperparameters of the tree.
        distinct: number of distinct pathways, which share only the prompted frame.
    """
    clock = Clock(1, model.config.max_pointers, model.config.memory_slots)
    histories = [_history(model, clock) for _ in range(distinct)]
    pathways = [
        Pathway[EncodedMemory, Outcome](0.0, histories[number % distinct], None) for number in range(config.pathways)
    ]
    return ObjectTree(config, clock, [_node(model, 0)], pathways, rooted=True)


def _history(model: SAM2, clock: Clock) -> History[EncodedMemory]:
    nodes = tuple(_node(model, frame) for frame in range(1, clock.window + 1))
    return History(nodes, nodes[-1])


def _node(model: SAM2, frame: int) -> Node[EncodedMemory]:
    config = model.config
    spatial = torch.randn(config.memory_shape, device=model.device)
    return Node(frame, 0.9, 5.0, EncodedMemory(spatial, torch.randn(config.dim, device=model.device)))


def resident_megabytes() -> float:
    """Resident memory of the process, in MB; NaN where the system does not tell (Linux does)."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return float("nan")
    import resource

    return int(status.read_text(encoding="utf-8").split()[1]) * resource.getpagesize() / 1e6


def peak_megabytes(device: torch.device) -> float:
    """Peak memory so far, in MB: of the GPU if there is one, else of the process (NaN on Windows)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    if sys.platform == "win32":
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
