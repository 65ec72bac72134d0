"""The Hiera trunk: a hierarchical vision transformer with mostly windowed and a few global attention blocks."""

from __future__ import annotations

from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.layers import MLP
from sam2long.model.memory.attention import attend_heads
from sam2long.model.positions import bicubic_matrix
from sam2long.model.trunk_config import HieraConfig

_STRIP = 2**19
"""Chunk size, in map elements, of a windowed block on the CPU, so that intermediate results stay in its cache."""


class Hiera(nn.Module):
    """Maps images [batch, 3, height, width] to [batch, height / stride, width / stride, channels], strides 4 to 32."""

    def __init__(self, config: HieraConfig) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, config.width, kernel_size=7, stride=4, padding=3)
        self.position = nn.Parameter(torch.zeros(1, config.width, *config.position_grid))
        self.window_position = nn.Parameter(torch.zeros(1, config.width, config.windows[0], config.windows[0]))
        self.blocks = nn.ModuleList(_build_blocks(config))
        self.stage_ends = frozenset(total - 1 for total in accumulate(config.depths))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the last map of each stage, finest first: [batch, height / stride, width / stride, channels]."""
        x = self.patch_embed(images.contiguous(memory_format=torch.channels_last)).permute(0, 2, 3, 1)
        x = x + self._positions(x.shape[1], x.shape[2])
        maps = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.stage_ends:
                maps.append(x)
        return maps

    def _positions(self, height: int, width: int) -> Tensor:
        """[1, height, width, channels]: the coarse embedding resized, plus the window embedding tiled."""
        rows, columns = self.position.shape[2:]
        down = bicubic_matrix(height, rows, self.position.device).to(self.position.dtype)
        across = bicubic_matrix(width, columns, self.position.device).to(self.position.dtype)
        # Resizing is linear, so two cheap matrix products suffice.
        coarse = torch.einsum("hi,bcij,wj->bhwc", down, self.position, across)
        side = self.window_position.shape[-1]
        tiled = self.window_position.permute(0, 2, 3, 1).tile(1, -(-height // side), -(-width // side), 1)
        return coarse + tiled[:, :height, :width]


def _build_blocks(config: HieraConfig) -> list[HieraBlock]:
    blocks: list[HieraBlock] = []
    dim, heads = config.width, config.heads
    for stage, depth in enumerate(config.depths):
        for position in range(depth):
            enters_stage = stage > 0 and position == 0
            # The first block of a stage still works on the finer map, so it uses the window of the previous stage.
            window = config.windows[stage - 1] if enters_stage else config.windows[stage]
            if len(blocks) in config.global_blocks:
                window = 0
            out = dim * 2 if enters_stage else dim
            heads = heads * 2 if enters_stage else heads
            blocks.append(HieraBlock(WindowAttention(dim, out, heads, pool=enters_stage), window, out * 4))
            dim = out
    return blocks


class HieraBlock(nn.Module):
    """A transformer block on [batch, height, width, channels]; an `attn` that pools halves the map.

    Args:
        attn: the attention, within windows or the whole map.
        window: side of the windows, 0 for the whole map.
        mlp: hidden width of the feed-forward part.
    """

    def __init__(self, attn: WindowAttention, window: int, mlp: int) -> None:
        super().__init__()
        dim, dim_out = attn.qkv.in_features, attn.proj.out_features
        self.window = window
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = attn
        self.norm2 = nn.LayerNorm(dim_out, eps=1e-6)
        self.mlp = MLP(dim_out, mlp, dim_out, 2, F.gelu)
        self.proj = nn.Linear(dim, dim_out) if dim != dim_out else None

    def forward(self, x: Tensor) -> Tensor:
        """Apply windowed or global attention, then the feed-forward part."""
        strips = x.split(self._strip_rows(x), dim=1)
        return torch.cat([self._strip(strip) for strip in strips], dim=1) if len(strips) > 1 else self._strip(x)

    def _strip_rows(self, x: Tensor) -> int:
        """Return the rows to process at a time: on a CPU a few rows of windows, which are independent of each other."""
        height = x.shape[1]
        if self.window == 0 or x.device.type != "cpu" or torch.compiler.is_compiling():
            return height
        return max(1, _STRIP * height // x.numel() // self.window) * self.window

    def _strip(self, x: Tensor) -> Tensor:
        shortcut, x = x, self.norm1(x)
        if self.proj is not None:
            shortcut = _halve(self.proj(x))
        x = shortcut + self._attend(x, (shortcut.shape[1], shortcut.shape[2]))
        return x + self.mlp(self.norm2(x))

    def _attend(self, x: Tensor, out_size: tuple[int, int]) -> Tensor:
        if self.window == 0:
            return self.attn(x)
        windows, grid = _split_windows(x, self.window)
        side = self.window // 2 if self.attn.pool else self.window
        return _join_windows(self.attn(windows), side, grid, out_size)


class WindowAttention(nn.Module):
    """Self-attention within maps [batch, height, width, channels]; with `pool`, queries are max-pooled 2x2."""

    def __init__(self, dim: int, dim_out: int, heads: int, pool: bool) -> None:
        super().__init__()
        self.heads = heads
        self.pool = pool
        self.qkv = nn.Linear(dim, dim_out * 3)
        self.proj = nn.Linear(dim_out, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        """Attend; returns [batch, height (/ 2), width (/ 2), channels out]."""
        batch, height, width, _ = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        if self.pool:
            q = _halve(q)
            height, width = q.shape[1:3]
        q, k, v = (
            part.reshape(batch, -1, self.heads, part.shape[-1] // self.heads).transpose(1, 2) for part in (q, k, v)
        )
        out = attend_heads(*self._placed(q, k, (height, width)), v)
        return self.proj(out.transpose(1, 2).reshape(batch, height, width, -1))

    def _placed(self, q: Tensor, k: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Give queries and keys [batch, heads, tokens, channels] of a map of this size positions; here, none."""
        return q, k


def _halve(x: Tensor) -> Tensor:
    """Max-pool a channels-last map 2x2."""
    return F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


def _split_windows(x: Tensor, side: int) -> tuple[Tensor, tuple[int, int]]:
    """Split [batch, height, width, channels] into windows [batch * windows, side, side, channels], padded with zeros.

    Also returns the number of windows down and across.
    """
    batch, height, width, channels = x.shape
    down, across = -(-height // side), -(-width // side)
    if (down * side, across * side) != (height, width):
        x = F.pad(x, (0, 0, 0, across * side - width, 0, down * side - height))
    x = x.reshape(batch, down, side, across, side, channels).transpose(2, 3)
    return x.reshape(-1, side, side, channels), (down, across)


def _join_windows(windows: Tensor, side: int, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Undo `_split_windows` for windows of `side`, and crop the padding to `size`."""
    down, across = grid
    channels = windows.shape[-1]
    x = windows.reshape(-1, down, across, side, side, channels).transpose(2, 3)
    return x.reshape(-1, down * side, across * side, channels)[:, : size[0], : size[1]]
