"""The products that cost most: every pixel of a frame against every pixel of every memory, or of the frame itself."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.torch_version import TorchVersion

_QUERIES, _SCORES = 2048, 2**20
"""Rows and size of a tile of attention scores on the CPU: 4 MB, enough for fast products, and the cache can hold it."""

_COARSE_QUERIES, _COARSE_SCORES = 1024, 2**19
"""The same in bfloat16."""

_SAMPLED = 1024
"""Keys, evenly spread, that tell about how large a query's scores get."""

_FAR = 2.0**8
"""Mean weight of a query's keys above which its largest score was not found among the sampled ones."""

_VECTOR = 8
"""Numbers that a CPU multiplies at once: products are fastest for widths that it divides."""


def devices_that_need_wide_values(torch_version: str) -> frozenset[str]:
    """Types of devices on which PyTorch gets values narrower than keys wrong (MPS before 2.12, pytorch#176767)."""
    return frozenset({"mps"}) if TorchVersion(torch_version) < "2.12" else frozenset()


_NEED_WIDE_VALUES = devices_that_need_wide_values(torch.__version__)


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
        if q.dtype in (torch.float32, torch.bfloat16) and not _needs_graph():
            return _attend_by_tiles(q, k, v)
        if q.dtype != torch.float32:
            # Only the fused kernel keeps the scores in float32, and it wants values as wide as keys.
            v = widen(v, k.shape[-1])
    elif q.device.type in _NEED_WIDE_VALUES:
        v = widen(v, k.shape[-1])
    q, k, v = q.expand(len(k), -1, -1).unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1)
    return F.scaled_dot_product_attention(q, k, v).squeeze(1)[..., :width]


def widen(v: Tensor, width: int) -> Tensor:
    """Values with zeros beside them, [..., width]: the first channels of their weighted sums stay as they are."""
    return F.pad(v, (0, width - v.shape[-1]))


def attend_heads(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The same for several heads: [batch, heads, queries or keys, channels] -> [batch, heads, queries, channels]."""
    if not _beats_fused(q, k):
        return F.scaled_dot_product_attention(q, k, v)
    return _attend_by_tiles(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)).view(q.shape)


def _beats_fused(q: Tensor, k: Tensor) -> bool:
    """Whether tiles beat the fused kernel though it need not pad: of large maps in bfloat16 on a CPU."""
    large = q.shape[-2] * k.shape[-2] > _COARSE_SCORES
    return large and q.device.type == "cpu" and q.dtype == torch.bfloat16 and not _needs_graph()


def _needs_graph() -> bool:
    return torch.is_grad_enabled() or torch.compiler.is_compiling()


def _attend_by_tiles(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Plain matrix products on tiles of scores: on a CPU they beat the fused kernel, which pads narrow values."""
    coarse = q.dtype == torch.bfloat16
    weigh, queries, scores = (
        (_coarse_sums, _COARSE_QUERIES, _COARSE_SCORES) if coarse else (_weighted_sums, _QUERIES, _SCORES)
    )
    width = v.shape[-1]
    # The column of ones sums the weights of each query.
    ones = torch.eye(1, _VECTOR, dtype=v.dtype, device=v.device).expand(*v.shape[:2], -1)
    v = torch.cat([v, ones], dim=-1)
    out = q.new_empty(len(k), q.shape[1], width)
    # One buffer for all tiles: the pages of a fresh one cost as much as a tenth of the product that fills it.
    tile = q.new_empty(min(scores, q.shape[1] * k.shape[1]))
    for index in range(len(k)):
        for start in range(0, q.shape[1], queries):
            block = slice(start, start + queries)
            sums = weigh(q[index % len(q), block], k[index], v[index], tile)
            out[index, block] = sums[:, :width] / sums[:, width : width + 1]
    return out


def _exponent(q: Tensor) -> float:
    """What turns a product of query and key into a power of 2, which is faster than one of e."""
    return math.log2(math.e) / math.sqrt(q.shape[-1])


def _weighted_sums(q: Tensor, k: Tensor, v: Tensor, tile: Tensor) -> Tensor:
    """Sum of 2^(q k') v over the keys, up to a factor for each query; keys come in blocks (online softmax, 1805.02867).

    Shapes as in `attend`, without a batch; `tile` has room for the scores of a block.
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
    """`_weighted_sums` of bfloat16, summed up in float32.

    A score is rounded to 8 bits when it is written, so the largest one is subtracted before that, within the product:
    then what weighs much lies near 0, where bfloat16 is fine. About where it lies, a sample of the keys tells.
    """
    sums = _sums_below(_peak(q, k[:: max(1, len(k) // _SAMPLED)]), q, k, v, tile)
    total = sums[:, -_VECTOR]
    # Far above the sampled scores roundings are coarse again, and powers may overflow.
    return sums if bool((total <= _FAR * len(k)).all()) else _sums_below(_peak(q, k), q, k, v, tile)


def _sums_below(peak: Tensor, q: Tensor, k: Tensor, v: Tensor, tile: Tensor) -> Tensor:
    """Sums of 2^(q k' - peak) v over the keys, float32."""
    step = _COARSE_SCORES // len(q)
    sums = torch.zeros(len(q), v.shape[-1], device=q.device)
    for keys, values in zip(k.split(step), v.split(step), strict=True):
        scores = tile[: len(q) * len(keys)].view(len(q), len(keys))
        torch.addmm(peak, q, keys.T, beta=-1, alpha=_exponent(q), out=scores)
        sums += scores.exp2_() @ values
    return sums


def _peak(q: Tensor, k: Tensor) -> Tensor:
    """Largest score of each query [queries, 1] among some keys, as a power of 2."""
    tops = [(q @ keys.T).amax(dim=1, keepdim=True) for keys in k.split(_COARSE_SCORES // len(q))]
    return torch.stack(tops).amax(dim=0) * _exponent(q)
