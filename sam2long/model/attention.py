"""The one product that costs most: every pixel of a frame against every pixel of every memory."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_QUERIES, _SCORES = 2048, 2**20
"""Rows and size of a tile of attention scores on the CPU: 4 MB, enough for fast products, and the cache can hold it."""

_VECTOR = 8
"""Numbers that a CPU multiplies at once: products are fastest for widths that it divides."""


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k' / sqrt(channels)) v for one head, with values that may be narrower than the keys.

    Args:
        q: [batch or 1, queries, channels]; a batch of 1 serves every row of `k`.
        k: [batch, keys, channels].
        v: [batch, keys, value channels].

    Returns:
        [batch, queries, value channels].
    """
    width = v.shape[-1]
    if q.device.type == "cpu":
        if q.dtype == torch.float32 and not torch.is_grad_enabled():
            return _attend_by_tiles(q, k, v)
        if q.dtype != torch.float32:
            # Only the fused kernel keeps the scores in float32, and it wants values as wide as keys.
            v = F.pad(v, (0, k.shape[-1] - width))
    q, k, v = q.expand(len(k), -1, -1).unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1)
    return F.scaled_dot_product_attention(q, k, v).squeeze(1)[..., :width]


def _attend_by_tiles(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Plain matrix products on tiles of scores: on a CPU they beat the fused kernel, which pads narrow values."""
    # Powers of 2 are faster than those of e.
    q = q * (math.log2(math.e) / math.sqrt(q.shape[-1]))
    width = v.shape[-1]
    # The column of ones sums the weights of each query.
    ones = torch.eye(1, _VECTOR, dtype=v.dtype, device=v.device).expand(*v.shape[:2], -1)
    v = torch.cat([v, ones], dim=-1)
    out = q.new_empty(len(k), q.shape[1], width)
    # One buffer for all tiles: the pages of a fresh one cost as much as a tenth of the product that fills it.
    tile = q.new_empty(min(_SCORES, q.shape[1] * k.shape[1]))
    for index in range(len(k)):
        for start in range(0, q.shape[1], _QUERIES):
            block = slice(start, start + _QUERIES)
            sums = _weighted_sums(q[index % len(q), block], k[index], v[index], tile)
            torch.div(sums[:, :width], sums[:, width : width + 1], out=out[index, block])
    return out


def _weighted_sums(q: Tensor, k: Tensor, v: Tensor, tile: Tensor) -> Tensor:
    """Sum of 2^(q k') v over the keys, up to a factor for each query; keys come in blocks (online softmax, 1805.02867).

    Shapes as in `attend`, without a batch; `tile` has room for the scores of a block.
    """
    step = _SCORES // len(q)
    peak = q.new_full((len(q), 1), -torch.inf)
    sums = q.new_zeros(len(q), v.shape[-1])
    for keys, values in zip(k.split(step), v.split(step), strict=True):
        scores = torch.mm(q, keys.T, out=tile[: len(q) * len(keys)].view(len(q), len(keys)))
        top = torch.maximum(peak, scores.amax(dim=1, keepdim=True))
        sums.mul_((peak - top).exp2_()).addmm_(scores.sub_(top).exp2_(), values)
        peak = top
    return sums
