"""Two-way transformer of the mask decoder: tokens attend to the image, and the image to the tokens."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.layers import MLP


class Attention(nn.Module):
    """Multi-head attention on [batch, tokens, dim], with an inner width that may be smaller than `dim`."""

    def __init__(self, dim: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(dim, inner)
        self.k_proj = nn.Linear(dim, inner)
        self.v_proj = nn.Linear(dim, inner)
        self.out_proj = nn.Linear(inner, dim)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend from `q` to `k` and `v`; keeps the shape of `q`."""
        q, k, v = (self._split(x) for x in (self.q_proj(q), self.k_proj(k), self.v_proj(v)))
        out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.out_proj(out)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class TwoWayBlock(nn.Module):
    """Tokens attend to themselves and to the image and pass an MLP; then the image attends to the tokens."""

    def __init__(self, dim: int, heads: int, hidden: int, first: bool) -> None:
        super().__init__()
        self.first = first
        self.self_attn = Attention(dim, heads, dim)
        self.token_to_image = Attention(dim, heads, dim // 2)
        self.image_to_token = Attention(dim, heads, dim // 2)
        self.mlp = MLP(dim, hidden, dim, 2)
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(dim) for _ in range(4))

    def forward(self, tokens: Tensor, pixels: Tensor, places: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the block; `places` are the positional encodings of the tokens, `positions` those of the pixels."""
        if self.first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            q = tokens + places
            tokens = tokens + self.self_attn(q, q, tokens)
        tokens = self.norm1(tokens)
        placed = pixels + positions
        tokens = self.norm2(tokens + self.token_to_image(tokens + places, placed, pixels))
        tokens = self.norm3(tokens + self.mlp(tokens))
        pixels = self.norm4(pixels + self.image_to_token(placed, tokens + places, tokens))
        return tokens, pixels


class TwoWayTransformer(nn.Module):
    """Two `TwoWayBlock`s and a final attention from the tokens to the image."""

    def __init__(self, dim: int, heads: int, hidden: int, depth: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TwoWayBlock(dim, heads, hidden, first=i == 0) for i in range(depth))
        self.final_attn = Attention(dim, heads, dim // 2)
        self.final_norm = nn.LayerNorm(dim)

    def forward(self, tokens: Tensor, image: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Update tokens [batch, tokens, dim] and an image [batch, dim, height, width]; keeps both shapes."""
        places = tokens
        pixels = image.flatten(2).transpose(1, 2)
        flat_positions = positions.flatten(2).transpose(1, 2)
        for layer in self.layers:
            tokens, pixels = layer(tokens, pixels, places, flat_positions)
        tokens = tokens + self.final_attn(tokens + places, pixels + flat_positions, pixels)
        return self.final_norm(tokens), pixels.transpose(1, 2).unflatten(2, image.shape[2:])
