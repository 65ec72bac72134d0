"""Memory encoder: fuses a frame's features and the object's mask into a memory map (SAM 2, arXiv 2408.00714)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.config import SAM2Config
from sam2long.model.layers import LayerNorm2d, by_pieces


class FuserBlock(nn.Module):
    """A ConvNeXt block (arXiv 2201.03545) with layer scale on [batch, channels, height, width]."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = LayerNorm2d(dim)
        self.expand = nn.Linear(dim, dim * 4)
        self.contract = nn.Linear(dim * 4, dim)
        self.scale = nn.Parameter(torch.full((dim,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        """Mix neighbouring pixels, then channels; keeps the shape."""
        y = self.norm(self.depthwise(x)).permute(0, 2, 3, 1)
        y = by_pieces(self._mix_channels, y, self.expand.out_features)
        return x + y.permute(0, 3, 1, 2)

    def _mix_channels(self, y: Tensor) -> Tensor:
        return self.scale * self.contract(F.gelu(self.expand(y)))


class MemoryEncoder(nn.Module):
    """Fuses a mask, downsampled 16x by strided convolutions, with the image features."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        dim = config.dim
        layers: list[nn.Module] = []
        channels = 1
        for _ in range(4):
            layers += [nn.Conv2d(channels, channels * 4, 3, stride=2, padding=1), LayerNorm2d(channels * 4), nn.GELU()]
            channels *= 4
        self.mask_downsampler = nn.Sequential(*layers, nn.Conv2d(channels, dim, 1))
        self.image_projection = nn.Conv2d(dim, dim, 1)
        self.fuser = nn.Sequential(FuserBlock(dim), FuserBlock(dim))
        self.out_projection = nn.Conv2d(dim, config.memory_dim, 1)

    def forward(self, image: Tensor, masks: Tensor) -> Tensor:
        """Encode memories.

        Args:
            image: [batch or 1, dim, grid, grid] coarse features from the image encoder.
            masks: [batch, 1, 16 grid, 16 grid] scaled mask probabilities.

        Returns:
            [batch, memory_dim, grid, grid].
        """
        x = self.image_projection(image) + self.mask_downsampler(masks)
        return self.out_projection(self.fuser(x))
