"""The memory tree: pathways, candidates, scores, memory selection. Pure logic on plain numbers, without a network."""

from sam2long.tree.config import TreeConfig
from sam2long.tree.lineage import Branch, Lineage
from sam2long.tree.memory import Clock, History, MemorySelection, Node, select_memory
from sam2long.tree.object_tree import FOUND, ObjectTree, Pathway, TraceRow
from sam2long.tree.survivors import Choice, select

__all__ = [
    "FOUND",
    "Branch",
    "Choice",
    "Clock",
    "History",
    "Lineage",
    "MemorySelection",
    "Node",
    "ObjectTree",
    "Pathway",
    "TraceRow",
    "TreeConfig",
    "select",
    "select_memory",
]
