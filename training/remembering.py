"""What the objects of a rollout remember: by SAM 2's rule, or by the memory tree's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sam2long.model import SAM2, Memory
from sam2long.tree.config import TreeConfig
from sam2long.tree.memory import Clock, History, MemorySelection, Node, select_memory

RULE = TreeConfig()


@dataclass(frozen=True)
class Recollection:
    """What is kept of one frame, a row for each object.

    Attributes:
        maps: [rows, memory_dim, grid, grid], spatial memories.
        pointers: [rows, dim], object pointers.
        ious: float [rows], predicted IoU of the remembered masks.
        scores: float [rows], object scores.
        corrected: bool [rows], which objects were corrected; None for none. All are prompted on the first frame.
    """

    maps: Tensor
    pointers: Tensor
    ious: Tensor
    scores: Tensor
    corrected: Tensor | None


@dataclass
class RolledMemory:
    """Memories of the frames so far, as plain SAM 2 uses them; the first one is the prompted frame's.

    Attributes:
        maps: spatial memories, one per frame.
        pointers: object pointers, one per frame.
        lead: frames by which the prompt is said to lie further back than it does; at least 0.
        corrected: the frame that was corrected and bool [rows], which rows were; they keep it as a prompted one.
    """

    maps: list[Tensor] = field(default_factory=list)
    pointers: list[Tensor] = field(default_factory=list)
    lead: int = 0
    corrected: tuple[int, Tensor] | None = None

    def add(self, frame: Recollection) -> None:
        """Remember the next frame."""
        if frame.corrected is not None:
            self.corrected = len(self.maps), frame.corrected
        self.maps.append(frame.maps)
        self.pointers.append(frame.pointers)

    def cut(self) -> None:
        """Let no gradient flow back beyond here."""
        self.maps = [part.detach() for part in self.maps]
        self.pointers = [part.detach() for part in self.pointers]

    def attended(self, model: SAM2, features: Tensor) -> Tensor:
        """Coarse features that have attended to the memory."""
        return model.attend(features, self.gather(model.config.memory_slots, model.config.max_pointers))

    def gather(self, slots: int, most_pointers: int) -> Memory:
        """Arrange the prompted frame's memory and the latest ones for the next frame as SAM 2 does."""
        maps = _recalled(self.maps, slots)
        pointers = _recalled(self.pointers, most_pointers)
        rows, device = len(maps[0]), maps[0].device
        distances = [len(self.pointers) + self.lead, *range(1, len(pointers))]
        times = torch.tensor(distances, device=device) / (most_pointers - 1)
        return Memory(
            spatial=torch.stack(maps, 1),
            slots=self._slots(len(maps), rows, device),
            pointers=torch.stack(pointers, 1),
            times=times.to(maps[0].dtype).expand(rows, -1),
        )

    def _slots(self, count: int, rows: int, device: torch.device) -> Tensor:
        """int64 [rows, count]: 0 for prompted frames, else the distance."""
        slots = torch.arange(count, device=device).repeat(rows, 1)
        if self.corrected is not None:
            frame, which = self.corrected
            distance = len(self.maps) - frame
            if 0 < distance < count:
                slots[which, distance] = 0
        return slots


def _recalled(frames: list[Tensor], most: int) -> list[Tensor]:
    """The prompted frame's and the latest ones, nearest first: at most `most`."""
    return [frames[0], *frames[1:][:-most:-1]]


@dataclass
class Trace:
    """One object on one remembered frame: spatial memory [memory_dim, grid, grid] and pointer [dim]."""

    map: Tensor
    pointer: Tensor


@dataclass
class _Past:
    """What one object has met."""

    prompted: list[Node[Trace]] = field(default_factory=list)
    history: History[Trace] = field(default_factory=History)

    def add(self, node: Node[Trace], prompted: bool, clock: Clock) -> None:
        if prompted:
            self.prompted.append(node)
            self.history = self.history.after_prompt()
        else:
            self.history = self.history.extended(node, RULE, clock)

    def traces(self) -> Iterator[Trace]:
        """All that is kept."""
        latest = [] if self.history.latest is None else [self.history.latest]
        yield from (node.payload for node in (*self.prompted, *self.history.useful, *latest))


@dataclass
class ObjectAwareMemory:
    """Memories as one pathway of the tree uses them: frames whose mask seems good, modulated by their object scores.

    SAM2Long (arXiv 2410.16268), section 3.3.

    Attributes:
        lead: frames by which the prompt is said to lie further back than it does; at least 0.
        frames: remembered so far.
        pasts: of each row.
        clock: the sizes of the memory, those of all SAM 2 models.
    """

    lead: int = 0
    frames: int = 0
    pasts: list[_Past] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def add(self, frame: Recollection) -> None:
        """Remember the next frame."""
        if not self.pasts:
            self.pasts = [_Past() for _ in frame.maps]
        number = self.frames if self.frames else -self.lead
        corrected = torch.zeros_like(frame.scores) if frame.corrected is None else frame.corrected
        judged = torch.stack([frame.ious, frame.scores, corrected.to(frame.scores.dtype)], 1)
        for row, (iou, score, marked) in enumerate(judged.float().tolist()):
            node = Node(number, iou, score, Trace(frame.maps[row], frame.pointers[row]))
            self.pasts[row].add(node, bool(marked) or not self.frames, self.clock)
        self.frames += 1

    def cut(self) -> None:
        """Let no gradient flow back beyond here."""
        for past in self.pasts:
            for trace in past.traces():
                trace.map, trace.pointer = trace.map.detach(), trace.pointer.detach()

    def attended(self, model: SAM2, features: Tensor) -> Tensor:
        """Coarse features that have attended to the memory.

        Rows that remember equally many frames attend together.
        """
        selections = [select_memory(past.prompted, past.history, self.frames, RULE, self.clock) for past in self.pasts]
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for row, selection in enumerate(selections):
            groups[len(selection.spatial), len(selection.pointers)].append(row)
        parts = [
            model.attend(features[rows], _memory([selections[row] for row in rows], features))
            for rows in groups.values()
        ]
        order = torch.tensor([row for rows in groups.values() for row in rows]).argsort()
        return torch.cat(parts)[order.to(features.device)]


def _memory(selections: list[MemorySelection[Trace]], like: Tensor) -> Memory:
    """The memory of rows that remember equally many frames."""
    maps = torch.stack([torch.stack([node.payload.map for node in each.spatial]) for each in selections])
    pointers = torch.stack([torch.stack([node.payload.pointer for node in each.pointers]) for each in selections])
    modulated = selections[0].spatial_weights is not None
    return Memory(
        spatial=maps,
        slots=torch.tensor([each.slots for each in selections], device=like.device),
        pointers=pointers,
        times=like.new_tensor([each.times for each in selections]),
        spatial_weights=like.new_tensor([each.spatial_weights for each in selections]) if modulated else None,
        pointer_weights=like.new_tensor([each.pointer_weights for each in selections]) if modulated else None,
    )
