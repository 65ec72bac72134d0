"""Where memory attention looks, and where it should: from the object at its memories, from the rest at the rest.

A network that has only seen objects move a little learns to read the memory at the place it is at. Asking each query
which mask it would read, if the memories were the true masks themselves, teaches it to find the object by its looks
(after the space-time correspondences of memory networks, arXiv 1904.00607).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sam2long.model import SAM2
from sam2long.model.memory.memory_attention import MemoryCrossAttention, MemoryTokens
from sam2long.model.positions import rotate_

_LEAST = 1e-4


@dataclass
class Gaze:
    """What the queries read of the masks that are set before the network attends.

    Attributes:
        marked: float [rows, tokens], share of each remembered place that the object covers; None to look away.
        read: [rows, height * width] for each layer, what every query reads of it, 0..1.
    """

    marked: Tensor | None = None
    read: list[Tensor] = field(default_factory=list)

    def take(self) -> tuple[Tensor, ...]:
        """What has been read since the last time."""
        read, self.read = tuple(self.read), []
        return read

    def watch(
        self, layer: MemoryCrossAttention, inputs: tuple[Tensor, MemoryTokens, Tensor, Tensor], _output: Tensor
    ) -> None:
        """Hook of a layer's attention: attend once more, to the masks."""
        if self.marked is None:
            return
        x, memory, table, key_table = inputs
        end = memory.count * memory.each
        maps = MemoryTokens(memory.values[:, :end], memory.keys[:, :end], memory.count, memory.each)
        queries, keys = rotate_(layer.q_proj(x), table), layer.rotated_keys(maps, key_table)
        weights = (queries @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5).float().softmax(2)
        self.read.append((weights @ self.marked.unsqueeze(2)).squeeze(2))


@contextmanager
def watched(model: SAM2) -> Iterator[Gaze]:
    """Watch the memory attention of a model."""
    gaze = Gaze()
    layers = [module for module in model.memory_attention.modules() if isinstance(module, MemoryCrossAttention)]
    hooks = [layer.register_forward_hook(gaze.watch) for layer in layers]
    try:
        yield gaze
    finally:
        for hook in hooks:
            hook.remove()


def gaze_loss(read: tuple[Tensor, ...], covered: Tensor) -> Tensor:
    """Cross-entropy between what queries read and the share of their own place that the object covers; a scalar.

    Places with and without the object weigh the same in each row, since objects are small.

    Args:
        read: [rows, places] of each layer.
        covered: float [rows, places], 0..1.
    """
    chance = torch.stack(read).clamp(_LEAST, 1 - _LEAST)
    inside = -(chance.log() * covered).sum(2) / covered.sum(1).clamp(min=_LEAST)
    outside = -((1 - chance).log() * (1 - covered)).sum(2) / (1 - covered).sum(1).clamp(min=_LEAST)
    return (inside + outside).mean() / 2
