"""Small layers that several parts of the network share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LayerNorm2d(nn.Module):
    """Layer normalisation over the channels of a map [batch, channels, height, width]."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each pixel's channels; shape is kept."""
        mean = x.mean(1, keepdim=True)
        centred = x - mean
        variance = centred.square().mean(1, keepdim=True)
        return centred * torch.rsqrt(variance + self.eps) * self.weight[:, None, None] + self.bias[:, None, None]


class MLP(nn.Module):
    """Linear layers with an activation between them, on [..., inputs] -> [..., outputs]."""

    def __init__(
        self, inputs: int, hidden: int, outputs: int, depth: int, activation: Callable[[Tensor], Tensor] = F.relu
    ) -> None:
        super().__init__()
        widths = [inputs] + [hidden] * (depth - 1) + [outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers; no activation after the last."""
        *inner, last = self.layers
        for layer in inner:
            x = self.activation(layer(x))
        return last(x)
