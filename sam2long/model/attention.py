"""The one product that costs most: every pixel of a frame against every pixel of every memory."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_SCORE_BYTES = 16 * 2**20
"""Size of one block of attention scores on the CPU: small enough to stay in the last-level cache."""


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k' / sqrt(channels)) v for one head, with values that may be narrower than the keys.

    Args:
        q: [batch or 1, queries, channels]; a batch of 1 serves every row of `k`.
        k: [batch, keys, channels].
        v: [batch, keys, value channels].

    Returns:
        [batch, queries, value channels].
    """
    if q.device.type == "cpu" and not torch.is_grad_enabled():
        return _attend_in_blocks(q, k, v)
    q = q.expand(len(k), -1, -1)
    return F.scaled_dot_product_attention(q.unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1)).squeeze(1)


def _attend_in_blocks(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Plain matrix products on blocks of queries: on a CPU they beat the fused kernel, which pads narrow values."""
    q = q / math.sqrt(q.shape[-1])
    out = q.new_empty(len(k), q.shape[1], v.shape[-1])
    rows = max(1, _SCORE_BYTES // (k.shape[1] * q.element_size()))
    for index in range(len(k)):
        queries, keys = q[index % len(q)], k[index].T
        for start in range(0, len(queries), rows):
            block = slice(start, start + rows)
            torch.matmul(torch.softmax(queries[block] @ keys, dim=-1), v[index], out=out[index, block])
    return out
