"""The attention operations that dominate the cost: a frame to its memories, and a frame to itself."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.torch_version import TorchVersion

from sam2long.model.processor import processor_flags

_QUERIES, _SCORES = 2048, 2**20
"""Queries per tile, and scores per tile, on the CPU: 4 MB give fast products and fit in the cache."""

_COARSE_QUERIES, _COARSE_SCORES = 1024, 2**19
"""The same for bfloat16."""

_SAMPLED = 1024
"""Number of evenly spaced keys used to estimate the largest score of a query."""

_FAR = 2.0**8
"""Mean weight of a query's keys above which the sampled keys missed its largest score."""

_VECTOR = 8
"""SIMD width of the CPU in elements; products are fastest for multiples of it."""


def devices_that_need_wide_values(torch_version: str) -> frozenset[str]:
    """Device types on which PyTorch mishandles values narrower than keys (MPS before 2.12, pytorch#176767)."""
    return frozenset({"mps"}) if TorchVersion(torch_version) < "2.12" else frozenset()


_NEED_WIDE_VALUES = devices_that_need_wide_values(torch.__version__)

_TILED = frozenset({torch.float32} if "amx_bf16" in processor_flags() else {torch.float32, torch.bfloat16})
"""Types in which our tiles beat the fused kernel on this CPU; that kernel makes good use of matrix units (AMX)."""


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Compute softmax(q k' / sqrt(channels)) v for one head, where values may be narrower than keys.

    Args:
        q: [batch or 1, queries, channels]; a batch of 1 is broadcast to all rows of `k`.
        k: [batch, keys, channels].
        v: [batch, keys, value channels].

    Returns:
        [batch, queries, value channels].
    """
    width = v.shape[-1]
    if q.device.type == "cpu":
        if q.dtype in _TILED and not _needs_graph():
            return _attend_by_tiles(q, k, v)
        if q.dtype != torch.float32:
            # Only the fused kernel keeps scores in float32, and it needs values as wide as keys.
            v = widen(v, k.shape[-1])
    elif q.device.type in _NEED_WIDE_VALUES:
        v = widen(v, k.shape[-1])
    q, k, v = q.expand(len(k), -1, -1).unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1)
    return F.scaled_dot_product_attention(q, k, v).squeeze(1)[..., :width]


def widen(v: Tensor, width: int) -> Tensor:
    """Zero-pad values to [..., width]; the first channels of their weighted sums are unchanged."""
    return F.pad(v, (0, width - v.shape[-1]))


def attend_heads(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Multi-head `attend`: [batch, heads, queries or keys, channels] -> [batch, heads, queries, channels]."""
    if not _beats_fused(q, k):
        return F.scaled_dot_product_attention(q, k, v)
    return _attend_by_tiles(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)).view(q.shape)


def _beats_fused(q: Tensor, k: Tensor) -> bool:
    """Whether tiles beat the fused kernel even without padding: for large maps in bfloat16 on a CPU."""
    large = q.shape[-2] * k.shape[-2] > _COARSE_SCORES
    tiled = q.device.type == "cpu" and q.dtype == torch.bfloat16 and q.dtype in _TILED
    return large and tiled and not _needs_graph()


def _needs_graph() -> bool:
    return torch.is_grad_enabled() or torch.compiler.is_compiling()


def _attend_by_tiles(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend by matrix products on tiles of scores; on a CPU faster than the fused kernel, which pads narrow values."""
    coarse = q.dtype == torch.bfloat16
    weigh, queries, scores = (
        (_coarse_sums, _COARSE_QUERIES, _COARSE_SCORES) if coarse else (_weighted_sums, _QUERIES, _SCORES)
    )
    width = v.shape[-1]
    # A column of ones sums the weights of each query.
    ones = torch.eye(1, _VECTOR, dtype=v.dtype, device=v.device).expand(*v.shape[:2], -1)
    v = torch.cat([v, ones], dim=-1)
    out = q.new_empty(len(k), q.shape[1], width)
    # One buffer for all tiles: allocating a new one costs a tenth of the product that fills it.
    tile = q.new_empty(min(scores, q.shape[1] * k.shape[1]))
    for index in range(len(k)):
        for start in range(0, q.shape[1], queries):
            block = slice(start, start + queries)
            sums = weigh(q[index % len(q), block], k[index], v[index], tile)
            out[index, block] = sums[:, :width] / sums[:, width : width + 1]
    return out


def _exponent(q: Tensor) -> float:
    """Factor that turns a query-key product into an exponent of 2, which is faster than one of e."""
    return math.log2(math.e) / math.sqrt(q.shape[-1])


def _weighted_sums(q: Tensor, k: Tensor, v: Tensor, tile: Tensor) -> Tensor:
    """Sum 2^(q k') v over blocks of keys, up to a factor per query (online softmax, arXiv 1805.02867).

    Shapes as in `attend`, without batch; `tile` is a buffer for the scores of a block.
    """
    q = q * _exponent(q)
    step = _SCORES // len(q)
    peak = q.new_full((len(q), 1), -torch.inf)
    sums = q.new_zeros(len(q), v.shape[-1])
    for keys, values in zip(k.split(step), v.split(step), strict=True):
        scores = torch.mm(q, keys.T, out=tile[: len(q) * len(keys)].view(len(q), len(keys)))
        top = torch.maximum(peak, scores.amax(dim=1, keepdim=True))
        sums.mul_((peak - top).exp2_()).addmm_(scores.sub_(top).exp2_(), values)
        peak = top
    return sums


def _coarse_sums(q: Tensor, k: Tensor, v: Tensor, tile: Tensor) -> Tensor:
    """`_weighted_sums` in bfloat16, accumulated in float32.

    Scores are rounded to 8 bits when stored, so the largest score is subtracted before that, within the matrix product:
    scores of large weight are then close to 0, where bfloat16 is precise. The largest score is estimated from a
    sample of the keys.
    """
    sums = _sums_below(_peak(q, k[:: max(1, len(k) // _SAMPLED)]), q, k, v, tile)
    total = sums[:, -_VECTOR]
    # Scores far above the sampled ones are rounded coarsely, and their powers may overflow.
    return sums if bool((total <= _FAR * len(k)).all()) else _sums_below(_peak(q, k), q, k, v, tile)


def _sums_below(peak: Tensor, q: Tensor, k: Tensor, v: Tensor, tile: Tensor) -> Tensor:
    """Sum 2^(q k' - peak) v over the keys, in float32."""
    step = _COARSE_SCORES // len(q)
    sums = torch.zeros(len(q), v.shape[-1], device=q.device)
    for keys, values in zip(k.split(step), v.split(step), strict=True):
        scores = tile[: len(q) * len(keys)].view(len(q), len(keys))
        torch.addmm(peak, q, keys.T, beta=-1, alpha=_exponent(q), out=scores)
        sums += scores.exp2_() @ values
    return sums


def _peak(q: Tensor, k: Tensor) -> Tensor:
    """Largest score of each query among `k`, as an exponent of 2: [queries, 1]."""
    tops = [(q @ keys.T).amax(dim=1, keepdim=True) for keys in k.split(_COARSE_SCORES // len(q))]
    return torch.stack(tops).amax(dim=0) * _exponent(q)
