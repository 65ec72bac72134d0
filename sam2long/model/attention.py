"""The one product that costs most: every pixel of a frame against every pixel of every memory."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_QUERIES, _KEYS = 2048, 1024
"""Sides of a tile of attention scores on the CPU: 8 MB, large enough for fast products, small enough for the cache."""


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
    # The column of ones sums the weights of each query.
    v = torch.cat([v, v.new_ones(*v.shape[:2], 1)], dim=-1)
    out = q.new_empty(len(k), q.shape[1], v.shape[-1] - 1)
    for index in range(len(k)):
        for start in range(0, q.shape[1], _QUERIES):
            block = slice(start, start + _QUERIES)
            sums = _weighted_sums(q[index % len(q), block], k[index], v[index])
            torch.div(sums[:, :-1], sums[:, -1:], out=out[index, block])
    return out


def _weighted_sums(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Sum of 2^(q k') v over the keys, up to a factor for each query; keys come in blocks (online softmax, 1805.02867).

    Shapes as in `attend`, without a batch.
    """
    peak = sums = None
    for keys, values in zip(k.split(_KEYS), v.split(_KEYS), strict=True):
        scores = q @ keys.T
        top = scores.amax(dim=1, keepdim=True)
        top = top if peak is None else torch.maximum(peak, top)
        part = scores.sub_(top).exp2_() @ values
        sums = part if peak is None or sums is None else sums.mul_((peak - top).exp2_()).add_(part)
        peak = top
    assert sums is not None, "there is at least one key"
    return sums
