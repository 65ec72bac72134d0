"""What a pathway remembers, and how strongly: object-aware memory and its modulation.

SAM2Long (arXiv 2410.16268), section 3.3; without an IoU threshold, the rule of SAM 2 (arXiv 2408.00714).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sam2long.tree.config import TreeConfig

T = TypeVar("T")

_PROMPT_SCORE = 10.0
"""Object score that the modulation gives to prompted frames."""


@dataclass(frozen=True)
class Node(Generic[T]):
    """A chosen mask on a frame, with whatever the tracker wants to remember of it.

    Attributes:
        frame: frame number in the video.
        iou: predicted IoU, 0..1.
        object_score: a logit; > 0 means visible.
        payload: the encoded memory and object pointer, opaque here.
    """

    frame: int
    iou: float
    object_score: float
    payload: T


@dataclass(frozen=True)
class Clock:
    """Counts time in visited frames.

    Attributes:
        stride: frames of the video between two visited ones; negative when going backward.
        max_pointers: object pointers a frame may attend to; temporal distances are divided by one less.
        memory_slots: spatial memories a frame may attend to, one of them for prompts.
    """

    stride: int = 1
    max_pointers: int = 16
    memory_slots: int = 7

    def steps(self, since: int, until: int) -> float:
        """Visited frames from `since` to `until`; negative if `since` lies ahead."""
        return (until - since) / self.stride

    @property
    def window(self) -> int:
        """How many unprompted frames a pathway may look back on."""
        return self.max_pointers - 1


@dataclass(frozen=True)
class MemorySelection(Generic[T]):
    """The memories of one pathway on one frame.

    Attributes:
        maps: nodes whose spatial memory is used.
        slots: temporal slot of each: 0 for prompts, 1 for the latest frame, 2 for the one before...
        map_weights: factor on the attention keys of each, or None for no modulation.
        pointers: nodes whose object pointer is used.
        times: temporal distance of each pointer, divided by the largest possible one.
        pointer_weights: factor on the attention keys of each, or None.
    """

    maps: list[Node[T]]
    slots: list[int]
    map_weights: list[float] | None
    pointers: list[Node[T]]
    times: list[float]
    pointer_weights: list[float] | None


@dataclass(frozen=True)
class History(Generic[T]):
    """The unprompted frames a pathway may still need: at most `Clock.window` useful ones, and the latest.

    Attributes:
        useful: nodes that count as memories, oldest first.
        latest: the node of the frame just before, useful or not; None right after a prompt.
    """

    useful: tuple[Node[T], ...] = ()
    latest: Node[T] | None = None

    def extended(self, node: Node[T], config: TreeConfig, clock: Clock) -> History[T]:
        """Return the history after `node`, which replaces an older one of the same frame."""
        useful = self.useful
        if _is_useful(node, config):
            others = [kept for kept in useful if kept.frame != node.frame]
            useful = tuple([*others, node][max(0, len(others) + 1 - clock.window) :])
        return History(useful, node)

    def after_prompt(self) -> History[T]:
        """Return the history on the frame after a prompt, which has no unprompted frame just before it."""
        return History(self.useful)


def _is_useful(node: Node[T], config: TreeConfig) -> bool:
    return config.iou_threshold is None or (node.iou > config.iou_threshold and node.object_score > 0)


def select_memory(
    prompted: Sequence[Node[T]], history: History[T], frame: int, config: TreeConfig, clock: Clock
) -> MemorySelection[T]:
    """Choose what a pathway attends to on `frame`.

    Args:
        prompted: the object's prompted frames; all give a spatial memory, those behind give a pointer.
        history: the pathway's unprompted frames.
        frame: the frame to be segmented.
        config: threshold and modulation.
        clock: direction and stride of time, and the sizes of the memory.
    """
    by_frames = config.iou_threshold is None
    recent = _recent_by_frame(history, frame, clock) if by_frames else _recent_by_rank(history)
    spatial = [(node, slot) for slot, node in recent if slot < clock.memory_slots]
    # The reference gives no pointer for the oldest frame it collected (kept for parity).
    pointed = recent if by_frames else recent[:-1]
    maps = [*prompted, *(node for node, _ in reversed(spatial))]
    behind = [(clock.steps(node.frame, frame), node) for node in prompted if clock.steps(node.frame, frame) >= 0]
    pointers = [*behind, *((float(rank), node) for rank, node in pointed[: clock.window])]
    map_weights = pointer_weights = None
    if config.modulation is not None and len(maps) > 1:
        map_weights = _modulation(maps, len(prompted), config.modulation)
        pointer_weights = _modulation([node for _, node in pointers], len(behind), config.modulation)
    return MemorySelection(
        maps,
        [0] * len(prompted) + [slot for _, slot in reversed(spatial)],
        map_weights,
        [node for _, node in pointers],
        [distance / max(1, clock.window) for distance, _ in pointers],
        pointer_weights,
    )


def _recent_by_frame(history: History[T], frame: int, clock: Clock) -> list[tuple[int, Node[T]]]:
    """SAM 2: the frames just before, each by its distance, nearest first."""
    distances = ((clock.steps(node.frame, frame), node) for node in history.useful)
    near = [(int(distance), node) for distance, node in distances if 1 <= distance <= clock.window]
    return sorted(near, key=lambda pair: pair[0])


def _recent_by_rank(history: History[T]) -> list[tuple[int, Node[T]]]:
    """SAM2Long: the useful frames however long ago, each by its rank, latest first; the frame just before always."""
    nodes = list(history.useful)
    if history.latest is not None and (not nodes or nodes[-1] is not history.latest):
        nodes.append(history.latest)
    return list(enumerate(reversed(nodes), start=1))


def _modulation(nodes: Sequence[Node[T]], prompted: int, span: tuple[float, float]) -> list[float]:
    """Evenly spaced factors by rank of object score, lowest first; the first `prompted` nodes count as very sure."""
    scores = [_PROMPT_SCORE if i < prompted else node.object_score for i, node in enumerate(nodes)]
    low, high = span
    step = (high - low) / max(1, len(nodes) - 1)
    weights = [low] * len(nodes)
    for rank, index in enumerate(sorted(range(len(nodes)), key=scores.__getitem__)):
        weights[index] = low + rank * step
    return weights
