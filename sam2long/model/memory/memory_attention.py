"""Memory attention: conditions a frame's features on the object's memories (SAM 2, arXiv 2408.00714, section 4).

With SAM2Long's modulation (arXiv 2410.16268, section 3.3), the keys of each memory are scaled by a weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.config import SAM2Config
from sam2long.model.layers import PIECE, by_pieces
from sam2long.model.memory.attention import attend
from sam2long.model.positions import rotary_table, rotate_, sine_grid

_POOLED = 4
"""Number of tokens that EfficientTAM averages into one."""

_SPARE = 8
"""Channels to add for a constant in the scores: a multiple of 8, for which products are fastest."""


@dataclass(frozen=True)
class Memory:
    """Memories of each row of a batch; all rows have the same number of spatial memories and of pointers.

    Attributes:
        spatial: [batch, count, *memory_shape] spatial memories, see `EncodedMemory`.
        slots: int64 [batch, count] temporal slots: 0 for a prompted frame, 1 for the previous frame, 2 for the one
            before that, ...
        pointers: [batch, pointers, dim] object pointers.
        times: float [batch, pointers] temporal distance of each pointer, divided by the largest possible distance.
        spatial_weights: [batch, count] factors on the keys of each spatial memory, or None for 1.
        pointer_weights: [batch, pointers] factors on the keys of each pointer, or None for 1.
    """

    spatial: Tensor
    slots: Tensor
    pointers: Tensor
    times: Tensor
    spatial_weights: Tensor | None = None
    pointer_weights: Tensor | None = None


@dataclass(frozen=True)
class MemoryTokens:
    """A `Memory` as tokens.

    Attributes:
        values: [batch, tokens, memory_dim], first those of spatial memories, then those of pointers.
        keys: values plus position, times the weight.
        count: number of spatial memories.
        each: tokens of each spatial memory; the keys of its last ones, a square grid, get rotary positions.
    """

    values: Tensor
    keys: Tensor
    count: int
    each: int

    def to(self, dtype: torch.dtype) -> MemoryTokens:
        """Convert the tokens to another dtype."""
        return MemoryTokens(self.values.to(dtype), self.keys.to(dtype), self.count, self.each)

    def split(self, rows: int) -> list[MemoryTokens]:
        """Split into batches of at most `rows` rows."""
        parts = zip(self.values.split(rows), self.keys.split(rows), strict=True)
        return [MemoryTokens(values, keys, self.count, self.each) for values, keys in parts]


class SelfAttention(nn.Module):
    """Single-head self-attention with rotary positions on [batch, height * width, dim]."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """Attend; keeps the shape."""
        q, k = rotate_(self.q_proj(x), table), rotate_(self.k_proj(x), table)
        return self.out_proj(attend(q, k, self.v_proj(x)))


class MemoryCrossAttention(nn.Module):
    """Single-head attention from a frame [batch, height * width, dim] to memory tokens."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        dim, memory_dim = config.dim, config.memory_dim
        self.pooling, self.side = config.pooling, config.memory_grid
        self.q_proj = nn.Linear(dim, dim)
        self.k_proj = nn.Linear(memory_dim, dim)
        self.v_proj = nn.Linear(memory_dim, dim)
        self.out_proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, memory: MemoryTokens, table: Tensor, key_table: Tensor) -> Tensor:
        """Attend; a batch of 1 in `x` is broadcast to all rows of the memory."""
        q, k, v = rotate_(self.q_proj(x), table), self.rotated_keys(memory, key_table), memory.values
        # EfficientTAM attends to a single map as it is.
        if self.pooling is not None and memory.count > 1:
            k, v = (pool_maps(tokens, memory.count, self.side) for tokens in (k, v))
            pooled = memory.count * memory.each // _POOLED
            q, k = (_raise_scores if self.pooling == "scores" else _raise_keys)(q, k, pooled)
        read = attend(q, k, v)
        # Attention weights sum to 1, so the value projection can follow the average instead of preceding it.
        return self.out_proj(self.v_proj(read))

    def rotated_keys(self, memory: MemoryTokens, table: Tensor) -> Tensor:
        """Return the projected keys [batch, tokens, dim], with rotary positions on those that have a place."""
        keys = self.k_proj(memory.keys)
        spatial = keys[:, : memory.count * memory.each].unflatten(1, (memory.count, memory.each))
        rotate_(spatial[:, :, memory.each - len(table) :], table)
        return keys


def pool_maps(tokens: Tensor, count: int, side: int) -> Tensor:
    """Average the tokens [batch, tokens, channels] of `count` maps 2x2, and keep those of pointers."""
    end = count * side**2
    maps = tokens[:, :end].unflatten(1, (count, side // 2, 2, side // 2, 2)).mean((3, 5))
    return torch.cat([maps.flatten(1, 3), tokens[:, end:]], dim=1)


def _raise_keys(q: Tensor, k: Tensor, pooled: int) -> tuple[Tensor, Tensor]:
    """Add the logarithm of the number of pooled tokens to every channel of their keys, as EfficientTAM/2 does."""
    k[:, :pooled] += math.log(_POOLED)
    return q, k


def _raise_scores(q: Tensor, k: Tensor, pooled: int) -> tuple[Tensor, Tensor]:
    """Make each pooled key count for those that it averages, by a constant in one of a few more channels."""
    width = q.shape[-1] + _SPARE
    wide = F.pad(q * math.sqrt(width / q.shape[-1]), (0, _SPARE))
    wide[..., -_SPARE] = math.sqrt(width)
    k = F.pad(k, (0, _SPARE))
    k[:, :pooled, -_SPARE] = math.log(_POOLED)
    return wide, k


class MemoryAttentionLayer(nn.Module):
    """Self-attention, cross-attention to the memory and feed-forward, each with pre-norm and residual connection."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        dim = config.dim
        self.self_attn = SelfAttention(dim)
        self.cross_attn = MemoryCrossAttention(config)
        self.linear1 = nn.Linear(dim, config.attention_mlp)
        self.linear2 = nn.Linear(config.attention_mlp, dim)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dim) for _ in range(3))

    def forward(self, x: Tensor, memory: MemoryTokens, table: Tensor, key_table: Tensor) -> Tensor:
        """Condition [batch or 1, height * width, dim] on the memory of each row."""
        return self.recall(self.look(x, table), memory, table, key_table)

    def look(self, x: Tensor, table: Tensor) -> Tensor:
        """The first part, which does not depend on the memory: attend from each place to the others."""
        return x + self.self_attn(self.norm1(x), table)

    def recall(self, x: Tensor, memory: MemoryTokens, table: Tensor, key_table: Tensor) -> Tensor:
        """The rest: attend to the memory of each row."""
        x = x + self.cross_attn(self.norm2(x), memory, table, key_table)
        return x + by_pieces(self._feed_forward, x, self.linear1.out_features)

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(F.relu(self.linear1(self.norm3(x)), inplace=True))


class MemoryAttention(nn.Module):
    """The stack of layers; computations that do not depend on the memory run once for all rows."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.layers = nn.ModuleList(MemoryAttentionLayer(config) for _ in range(config.attention_layers))
        self.norm = nn.LayerNorm(config.dim)
        self.key_grid = config.memory_grid

    def forward(self, image: Tensor, memory: MemoryTokens) -> Tensor:
        """Condition features on memories.

        Args:
            image: [batch or 1, dim, grid, grid] coarse features.
            memory: memory tokens of each row.

        Returns:
            [batch, dim, grid, grid].
        """
        _, dim, height, width = image.shape
        table = rotary_table(dim, height, width, image.device)
        key_table = rotary_table(dim, self.key_grid, self.key_grid, image.device)
        x = image + 0.1 * sine_grid(dim, height, width, image.device).to(image.dtype)
        first, *others = cast("list[MemoryAttentionLayer]", list(self.layers))
        x = first.look(x.flatten(2).transpose(1, 2), table)
        rows = _rows_at_once(memory, dim)
        parts = []
        for part, piece in zip(x.expand(len(memory.keys), -1, -1).split(rows), memory.split(rows), strict=True):
            part = first.recall(part[:1] if len(x) == 1 else part, piece, table, key_table)
            for layer in others:
                part = layer(part, piece, table, key_table)
            parts.append(part)
        return self.norm(torch.cat(parts)).transpose(1, 2).unflatten(2, (height, width))


def _rows_at_once(memory: MemoryTokens, dim: int) -> int:
    """Number of rows that attend together: all, but on a CPU no more than have small keys."""
    if memory.keys.device.type != "cpu" or torch.compiler.is_compiling():
        return len(memory.keys)
    return max(1, PIECE // (memory.keys.shape[1] * dim))
