"""Spatial perceiver: compresses a memory map into few tokens (EdgeTAM, arXiv 2501.07256, section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.config import PerceiverConfig
from sam2long.model.positions import sine_grid


class SpatialPerceiver(nn.Module):
    """Maps memory maps [batch, channels, grid, grid] to tokens [batch, tokens, channels].

    The first tokens have read the whole map and have no place; the others, one per window of the map, form a grid.
    Both kinds pass the same layers.
    """

    def __init__(self, config: PerceiverConfig, channels: int) -> None:
        super().__init__()
        self.side = config.side
        self.latents = nn.Parameter(torch.zeros(config.latents, channels))
        self.grid_latents = nn.Parameter(torch.zeros(config.side**2, channels))
        self.layers = nn.ModuleList(PerceiverLayer(channels, config.mlp) for _ in range(config.layers))
        self.norm = nn.LayerNorm(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Compress maps whose side is a multiple of the grid's."""
        batch, channels, height, width = maps.shape
        pixels = maps.flatten(2).transpose(1, 2)
        places = sine_grid(channels, height, width, maps.device).to(maps.dtype).flatten(1).T
        free = self.latents.expand(batch, -1, -1)
        placed = self.grid_latents.unsqueeze(1).repeat(batch, 1, 1)
        windows = self._windows(maps)
        for layer in self.layers:
            free = layer(free, pixels, places)
            placed = layer(placed, windows, None)
        return self.norm(torch.cat([free, placed.view(batch, -1, channels)], dim=1))

    def _windows(self, maps: Tensor) -> Tensor:
        """Split maps into `side` x `side` windows: [batch * windows, pixels of a window, channels]."""
        batch, channels, height, _ = maps.shape
        step = height // self.side
        parts = maps.reshape(batch, channels, self.side, step, self.side, step).permute(0, 2, 4, 3, 5, 1)
        return parts.reshape(-1, step * step, channels)


class PerceiverLayer(nn.Module):
    """Latents read pixels and then each other, each followed by an MLP; all with pre-norm and residual connection."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.norm_latents, self.norm_input, self.norm_self = (nn.LayerNorm(channels) for _ in range(3))
        self.cross_attn, self.self_attn = PlainAttention(channels), PlainAttention(channels)
        self.mlp, self.self_mlp = PlainMLP(channels, hidden), PlainMLP(channels, hidden)

    def forward(self, latents: Tensor, pixels: Tensor, places: Tensor | None) -> Tensor:
        """Update latents [batch, tokens, channels] by pixels [batch, pixels, channels] with optional positions."""
        latents = latents + self.cross_attn(self.norm_latents(latents), self.norm_input(pixels), places)
        latents = latents + self.mlp(latents)
        latents = latents + self.self_attn(*[self.norm_self(latents)] * 2, None)
        return latents + self.self_mlp(latents)


class PlainAttention(nn.Module):
    """Single-head attention without biases."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            nn.Linear(channels, channels, bias=False) for _ in range(4)
        )

    def forward(self, x: Tensor, pixels: Tensor, places: Tensor | None) -> Tensor:
        """Attend from `x` to `pixels`; `places` [pixels, channels] are added to both keys and values."""
        k, v = self.k_proj(pixels), self.v_proj(pixels)
        if places is not None:
            k, v = k + places, v + places
        return self.out_proj(F.scaled_dot_product_attention(self.q_proj(x), k, v))


class PlainMLP(nn.Module):
    """Two linear layers without biases, after a norm."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.up = nn.Linear(channels, hidden, bias=False)
        self.down = nn.Linear(hidden, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [..., channels]."""
        return self.down(F.gelu(self.up(self.norm(x))))
