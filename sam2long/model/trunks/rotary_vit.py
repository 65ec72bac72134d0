"""A plain vision transformer with rotary positions in every block, as in SAM 3 (arXiv 2511.16719)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sam2long.model.positions import rotary_table, rotate_
from sam2long.model.trunk_config import RotaryViTConfig
from sam2long.model.trunks.hiera import HieraBlock, WindowAttention


class RotaryViT(nn.Module):
    """Maps images [batch, 3, height, width] to one map [batch, height / patch, width / patch, channels]."""

    def __init__(self, config: RotaryViTConfig) -> None:
        super().__init__()
        width, patch, side = config.width, config.patch, config.position_side
        self.patch_embed = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.position = nn.Parameter(torch.zeros(1, side, side, width))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.blocks = nn.ModuleList(
            HieraBlock(
                RotaryAttention(width, config.heads, config.window),
                0 if number in config.global_blocks else config.window,
                config.mlp,
            )
            for number in range(config.depth)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the map of the last block."""
        x = self.patch_embed(images.contiguous(memory_format=torch.channels_last)).permute(0, 2, 3, 1)
        x = self.norm(x + self._positions(x.shape[1], x.shape[2]))
        for block in self.blocks:
            x = block(x)
        return [x]

    def _positions(self, height: int, width: int) -> Tensor:
        """[1, height, width, channels]: the positions of the smaller images used in pretraining, repeated."""
        side = self.position.shape[1]
        return self.position.tile(1, -(-height // side), -(-width // side), 1)[:, :height, :width]


class RotaryAttention(WindowAttention):
    """Self-attention with rotary positions, which span `window` along each side whatever the size of the map."""

    def __init__(self, dim: int, heads: int, window: int) -> None:
        super().__init__(dim, dim, heads, pool=False)
        self.window = window

    def _placed(self, q: Tensor, k: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        table = rotary_table(q.shape[-1], *size, q.device, self.window / size[1])
        # Copies, since queries and keys are parts of one tensor.
        return rotate_(q.contiguous(), table), rotate_(k.contiguous(), table)
