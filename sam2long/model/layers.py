"""Small layers shared by several parts of the network."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PIECE = 2**22
"""Chunk size in elements on the CPU; larger temporaries are re-allocated on every call."""

_FEW = 16
"""Largest number of channels that are normalised plane by plane on the CPU."""


def by_pieces(work: Callable[[Tensor], Tensor], x: Tensor, hidden: int) -> Tensor:
    """Apply `work`, with `hidden` intermediate values per vector, to the vectors of x [..., channels] in chunks."""
    vectors = max(1, PIECE // hidden)
    if x.device.type != "cpu" or x.numel() <= vectors * x.shape[-1] or torch.compiler.is_compiling():
        return work(x)
    return torch.cat([work(piece) for piece in x.flatten(0, -2).split(vectors)]).unflatten(0, x.shape[:-1])


class LayerNorm2d(nn.Module):
    """Layer normalisation over the channels of a map [batch, channels, height, width]."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the channels of each pixel; keeps the shape."""
        if x.shape[1] <= _FEW and x.device.type == "cpu":
            return self._by_planes(x)
        pixels = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, self.eps)
        return pixels.permute(0, 3, 1, 2)

    def _by_planes(self, x: Tensor) -> Tensor:
        """Normalise plane by plane: PyTorch's kernel takes the pixels one by one, and each has only a few numbers."""
        weight, bias = (part.float()[:, None, None] for part in (self.weight, self.bias))
        apart = x.float() - x.mean(1, keepdim=True, dtype=torch.float32)
        scale = (apart.square().mean(1, keepdim=True) + self.eps).rsqrt()
        return (apart * scale * weight + bias).to(x.dtype)


class MLP(nn.Module):
    """Linear layers with activations in between: [..., inputs] -> [..., outputs]."""

    def __init__(
        self, inputs: int, hidden: int, outputs: int, depth: int, activation: Callable[[Tensor], Tensor] = F.relu
    ) -> None:
        super().__init__()
        widths = [inputs] + [hidden] * (depth - 1) + [outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers, without activation after the last."""
        *inner, last = self.layers
        for layer in inner:
            x = self.activation(layer(x))
        return last(x)
