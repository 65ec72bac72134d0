"""Memory selection: which frames a pathway attends to, and how strongly (modulation).

SAM2Long (arXiv 2410.16268), section 3.3; without an IoU threshold, the rule of SAM 2 (arXiv 2408.00714).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sam2long.tree.config import TreeConfig

T = TypeVar("T")

_PROMPT_SCORE = 10.0
"""Object score that modulation assumes for prompted frames."""


@dataclass(frozen=True)
class Node(Generic[T]):
    """A selected mask of one frame, with its encoded memory.

    Attributes:
        frame: frame number in the video.
        iou: predicted IoU, 0..1.
        object_score: a logit; > 0 means visible.
        payload: what the tracker stores with the node (encoded memory and object pointer); not looked at here.
    """

    frame: int
    iou: float
    object_score: float
    payload: T


@dataclass(frozen=True)
class Clock:
    """Measures time in visited frames, and limits how many memories a frame attends to.

    Attributes:
        stride: step from one visited frame to the next, in frames of the video; negative when going backward.
        max_pointers: object pointers that a frame may attend to; temporal distances are divided by one less.
        memory_slots: spatial memories that a frame may attend to, one of them reserved for prompts.
        max_prompted: prompted frames whose spatial memories a frame may attend to, or None for no limit.
    """

    stride: int = 1
    max_pointers: int = 16
    memory_slots: int = 7
    max_prompted: int | None = None

    def steps(self, since: int, until: int) -> float:
        """Number of visited frames from `since` to `until`; negative if `since` lies ahead."""
        return (until - since) / self.stride

    @property
    def window(self) -> int:
        """Number of unprompted frames that a pathway may attend to."""
        return self.max_pointers - 1


@dataclass(frozen=True)
class MemorySelection(Generic[T]):
    """The memories that one pathway attends to on one frame.

    Attributes:
        spatial: nodes whose spatial memory is attended to.
        slots: temporal slot of each: 0 for prompted frames, 1 for the latest frame, 2 for the one before it, ...
        spatial_weights: factor on the attention keys of each spatial memory, or None without modulation.
        pointers: nodes whose object pointer is attended to.
        times: temporal distance of each pointer, divided by the largest possible distance.
        pointer_weights: factor on the attention keys of each pointer, or None without modulation.
    """

    spatial: list[Node[T]]
    slots: list[int]
    spatial_weights: list[float] | None
    pointers: list[Node[T]]
    times: list[float]
    pointer_weights: list[float] | None


@dataclass(frozen=True)
class History(Generic[T]):
    """The unprompted frames that a pathway may still attend to: at most `Clock.window` useful ones, and the latest.

    Attributes:
        useful: nodes that pass the IoU and visibility filter, oldest first.
        latest: the node of the previous frame, useful or not; None directly after a prompted frame.
        references: memories of the object from elsewhere, up to its first prompt; attended to as prompted frames are.
    """

    useful: tuple[Node[T], ...] = ()
    latest: Node[T] | None = None
    references: tuple[Node[T], ...] = ()

    def extended(self, node: Node[T], config: TreeConfig, clock: Clock) -> History[T]:
        """Return the history with `node` added; it replaces an earlier node of the same frame."""
        useful = self.useful
        if _is_useful(node, config):
            others = [kept for kept in useful if kept.frame != node.frame]
            useful = tuple([*others, node][max(0, len(others) + 1 - clock.window) :])
        return History(useful, node, self.references)

    def after_prompt(self) -> History[T]:
        """Return the history for the frame after a prompted one: the previous frame was prompted, references end."""
        return History(self.useful)


def _is_useful(node: Node[T], config: TreeConfig) -> bool:
    return config.iou_threshold is None or (node.iou > config.iou_threshold and node.object_score > 0)


def select_memory(
    prompted: Sequence[Node[T]], history: History[T], frame: int, config: TreeConfig, clock: Clock
) -> MemorySelection[T]:
    """Select the memories that a pathway attends to on `frame`.

    Args:
        prompted: the object's prompted frames; all, or the closest ones, contribute a spatial memory, and those not
            ahead of `frame` a pointer.
        history: the pathway's unprompted frames, and its references.
        frame: the frame to segment.
        config: IoU threshold and modulation.
        clock: stride and direction, and the number of memories.
    """
    by_frames = config.iou_threshold is None
    recent = _recent_by_frame(history, frame, clock) if by_frames else _recent_by_rank(history)
    references = history.references
    chosen, others = _closest(prompted, frame, clock.max_prompted)
    near = [(node, slot) for slot, node in recent if slot < clock.memory_slots]
    if by_frames and others:
        near = _with_passed_over(near, others, frame, clock)
    # SAM2Long's reference code uses no pointer of the oldest frame that it collects; kept for parity.
    pointed = recent if by_frames else recent[:-1]
    spatial = [*references, *chosen, *(node for node, _ in reversed(near))]
    behind = [(1.0, node) for node in references]
    behind += [(clock.steps(node.frame, frame), node) for node in prompted if clock.steps(node.frame, frame) >= 0]
    pointers = [*behind, *((float(rank), node) for rank, node in pointed[: clock.window])]
    given = len(references) + len(chosen)
    spatial_weights = pointer_weights = None
    if config.modulation is not None and len(spatial) > 1:
        spatial_weights = _modulation(spatial, given, config.modulation)
        pointer_weights = _modulation([node for _, node in pointers], len(behind), config.modulation)
    return MemorySelection(
        spatial,
        [0] * given + [slot for _, slot in reversed(near)],
        spatial_weights,
        [node for _, node in pointers],
        [distance / max(1, clock.window) for distance, _ in pointers],
        pointer_weights,
    )


def _closest(prompted: Sequence[Node[T]], frame: int, most: int | None) -> tuple[list[Node[T]], list[Node[T]]]:
    """The `most` prompted frames to attend to, and the others.

    As in SAM 2: the nearest one before `frame`, the nearest one from it on, then the nearest of the rest.
    """
    if most is None or len(prompted) <= most:
        return list(prompted), []
    frames = [node.frame for node in prompted]
    nearest = {
        max((place for place in frames if place < frame), default=None),
        min((place for place in frames if place >= frame), default=None),
    }
    chosen = set(sorted(frames, key=lambda place: (place not in nearest, abs(place - frame)))[:most])
    return [node for node in prompted if node.frame in chosen], [node for node in prompted if node.frame not in chosen]


def _with_passed_over(
    near: list[tuple[Node[T], int]], others: Sequence[Node[T]], frame: int, clock: Clock
) -> list[tuple[Node[T], int]]:
    """SAM 2's rule: a prompted frame that is not among the closest ones counts as an unprompted one, if it is near."""
    free = set(range(1, clock.memory_slots)) - {slot for _, slot in near}
    distances = ((node, clock.steps(node.frame, frame)) for node in others)
    added = [(node, int(distance)) for node, distance in distances if distance in free]
    return sorted([*near, *added], key=lambda pair: pair[1])


def _recent_by_frame(history: History[T], frame: int, clock: Clock) -> list[tuple[int, Node[T]]]:
    """SAM 2's rule: the frames just before, as (distance in visited frames, node), nearest first."""
    distances = ((clock.steps(node.frame, frame), node) for node in history.useful)
    near = [(int(distance), node) for distance, node in distances if 1 <= distance <= clock.window]
    return sorted(near, key=lambda pair: pair[0])


def _recent_by_rank(history: History[T]) -> list[tuple[int, Node[T]]]:
    """SAM2Long's rule: useful frames of any age and always the previous frame, as (rank from 1, node), latest first."""
    nodes = list(history.useful)
    if history.latest is not None and (not nodes or nodes[-1] is not history.latest):
        nodes.append(history.latest)
    return list(enumerate(reversed(nodes), start=1))


def _modulation(nodes: Sequence[Node[T]], prompted: int, span: tuple[float, float]) -> list[float]:
    """Evenly spaced factors in order of object score; the first `prompted` nodes get the score `_PROMPT_SCORE`."""
    scores = [_PROMPT_SCORE if i < prompted else node.object_score for i, node in enumerate(nodes)]
    low, high = span
    step = (high - low) / max(1, len(nodes) - 1)
    weights = [low] * len(nodes)
    for rank, index in enumerate(sorted(range(len(nodes)), key=scores.__getitem__)):
        weights[index] = low + rank * step
    return weights
