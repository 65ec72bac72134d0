"""A plain vision transformer with windowed and a few global blocks (ViTDet, arXiv 2203.16527), as in EfficientTAM."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sam2long.model.positions import bicubic_matrix
from sam2long.model.trunk_config import ViTConfig
from sam2long.model.trunks.hiera import HieraBlock, WindowAttention


class ViT(nn.Module):
    """Maps images [batch, 3, height, width] to one map [batch, height / patch, width / patch, channels]."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        width, patch = config.width, config.patch
        self.patch_embed = nn.Conv2d(3, width, patch, stride=patch)
        # The first position is that of a class token, which published checkpoints keep but the trunk does not use.
        self.position = nn.Parameter(torch.zeros(1, config.position_side**2 + 1, width))
        self.side = config.position_side
        # A block of Hiera that neither pools nor widens is one of ViTDet.
        self.blocks = nn.ModuleList(
            HieraBlock(
                WindowAttention(width, width, config.heads, pool=False),
                0 if number in config.global_blocks else config.window,
                width * 4,
            )
            for number in range(config.depth)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the map of the last block."""
        x = self.patch_embed(images.contiguous(memory_format=torch.channels_last)).permute(0, 2, 3, 1)
        x = x + self._positions(x.shape[1], x.shape[2])
        for block in self.blocks:
            x = block(x)
        return [x]

    def _positions(self, height: int, width: int) -> Tensor:
        """[1, height, width, channels]: the positions of the smaller images used in pretraining, resized."""
        grid = self.position[:, 1:].unflatten(1, (self.side, self.side))
        down = bicubic_matrix(height, self.side, grid.device).to(grid.dtype)
        across = bicubic_matrix(width, self.side, grid.device).to(grid.dtype)
        return torch.einsum("hi,bijc,wj->bhwc", down, grid, across)
