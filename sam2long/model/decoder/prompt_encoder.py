"""Prompt encoder: encodes clicks, boxes and masks as tokens and maps (Segment Anything, arXiv 2304.02643)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor, nn

from sam2long.model.config import SAM2Config
from sam2long.model.layers import LayerNorm2d


class Label(IntEnum):
    """Labels of prompt points; a box is given by two corners."""

    PADDING = -1
    NEGATIVE = 0
    POSITIVE = 1
    BOX_TOP_LEFT = 2
    BOX_BOTTOM_RIGHT = 3


@dataclass(frozen=True)
class PromptTokens:
    """Encoded prompts.

    Attributes:
        sparse: [batch, points + 1, dim]; SAM 2 appends a padding point to every list.
        dense: [batch, dim, grid, grid], the encoded mask prompt or the no-mask embedding.
    """

    sparse: Tensor
    dense: Tensor


class PromptEncoder(nn.Module):
    """Encodes points (in pixels of the network input) and low-resolution mask logits."""

    frequencies: Tensor

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.image_size = config.image_size
        self.grid = config.grid
        dim = config.dim
        self.register_buffer("frequencies", torch.randn(2, dim // 2))
        self.point_embeddings = nn.ParameterList(nn.Parameter(torch.zeros(1, dim)) for _ in range(4))
        self.padding_embedding = nn.Parameter(torch.zeros(1, dim))
        self.no_mask_embedding = nn.Parameter(torch.zeros(1, dim))
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, 2, stride=2),
            LayerNorm2d(4),
            nn.GELU(),
            nn.Conv2d(4, 16, 2, stride=2),
            LayerNorm2d(16),
            nn.GELU(),
            nn.Conv2d(16, dim, 1),
        )

    def forward(self, points: Tensor, labels: Tensor, masks: Tensor | None = None) -> PromptTokens:
        """Encode prompts.

        Args:
            points: float [batch, points, 2], (x, y) in pixels of the network input.
            labels: int [batch, points], values of `Label`.
            masks: float [batch, 1, mask_size, mask_size] mask logits, or None.
        """
        padding = points.new_zeros(points.shape[0], 1, 2)
        points = torch.cat([points, padding], dim=1)
        labels = torch.cat([labels, torch.full_like(labels[:, :1], Label.PADDING)], dim=1)
        return PromptTokens(self._points(points, labels), self._dense(points.shape[0], masks))

    def image_positions(self) -> Tensor:
        """Return the positional encoding of the coarse grid: [1, dim, grid, grid]."""
        places = (torch.arange(self.grid, device=self.frequencies.device) + 0.5) / self.grid
        y, x = torch.meshgrid(places, places, indexing="ij")
        return self._fourier(torch.stack([x, y], dim=-1)).permute(2, 0, 1)[None]

    def _points(self, points: Tensor, labels: Tensor) -> Tensor:
        # Adding half a pixel moves a coordinate to the centre of its pixel.
        places = self._fourier((points + 0.5) / self.image_size)
        meanings = torch.cat(list(self.point_embeddings))[labels.clamp(min=0)]
        return torch.where((labels == Label.PADDING)[..., None], self.padding_embedding, places + meanings)

    def _dense(self, batch: int, masks: Tensor | None) -> Tensor:
        if masks is None:
            return self.no_mask_embedding[..., None, None].expand(batch, -1, self.grid, self.grid)
        return self.mask_downscaling(masks)

    def _fourier(self, places: Tensor) -> Tensor:
        """Random Fourier features [..., dim] of positions [..., 2] in 0..1."""
        angles = 2 * math.pi * ((2 * places - 1).to(self.frequencies.dtype) @ self.frequencies)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)
