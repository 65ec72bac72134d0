"""Positional encodings: sinusoidal over a grid, sinusoidal over time, and rotary (RoFormer, arXiv 2104.09864).

They depend only on sizes, so each is computed once per device and kept in a small cache, outside inference mode so that
training can use it too.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

_TEMPERATURE = 10000.0


@lru_cache(maxsize=16)
@torch.inference_mode(False)
def sine_grid(channels: int, height: int, width: int, device: torch.device) -> Tensor:
    """Sinusoidal encoding of a grid, normalised to one period (DETR, arXiv 2005.12872).

    Returns:
        float32 [channels, height, width]: half the channels encode the row, half the column.
    """
    half = channels // 2
    exponent = 2 * torch.div(torch.arange(half, device=device, dtype=torch.float32), 2, rounding_mode="floor") / half
    period = _TEMPERATURE**exponent

    def encode(length: int) -> Tensor:
        places = torch.arange(1, length + 1, device=device, dtype=torch.float32)
        angles = (places / (length + 1e-6) * 2 * math.pi)[:, None] / period
        return torch.stack([angles[:, 0::2].sin(), angles[:, 1::2].cos()], dim=-1).flatten(1)

    rows = encode(height)[:, None, :].expand(height, width, half)
    columns = encode(width)[None, :, :].expand(height, width, half)
    return torch.cat([rows, columns], dim=-1).permute(2, 0, 1).contiguous()


def sine_time(times: Tensor, channels: int) -> Tensor:
    """Sinusoidal encoding of temporal distances.

    Args:
        times: float [...], distances divided by the largest possible distance.
        channels: even number of channels.

    Returns:
        float32 [..., channels]: sines, then cosines.
    """
    half = channels // 2
    index = torch.arange(half, device=times.device, dtype=torch.float32)
    period = _TEMPERATURE ** (2 * torch.div(index, 2, rounding_mode="floor") / half)
    angles = times.unsqueeze(-1) / period
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


@lru_cache(maxsize=16)
@torch.inference_mode(False)
def rotary_table(channels: int, height: int, width: int, device: torch.device, step: float = 1.0) -> Tensor:
    """Rotary position table of a grid, `step` apart; half of the channel pairs encode x, half encode y.

    Returns:
        float32 [height * width, channels // 2, 2], the cosine and sine of each angle.
    """
    exponent = torch.arange(0, channels, 4, device=device, dtype=torch.float32)[: channels // 4] / channels
    frequencies = 1.0 / _TEMPERATURE**exponent
    place = torch.arange(height * width, device=device)
    x, y = step * (place % width).float(), step * torch.div(place, width, rounding_mode="floor").float()
    angles = torch.cat([torch.outer(x, frequencies), torch.outer(y, frequencies)], dim=-1)
    return torch.stack([angles.cos(), angles.sin()], dim=-1)


def rotate_(x: Tensor, table: Tensor) -> Tensor:
    """Rotate neighbouring channel pairs of [..., tokens, channels] in place by a `rotary_table` of the same tokens."""
    if torch.compiler.is_compiling() or x.device.type == "mps":
        return x.copy_(_rotated(x.float(), table))
    # Complex numbers need only one pass in eager mode, but compilers and Apple GPUs support them poorly.
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2))).mul_(torch.view_as_complex(table))
    return x if x.dtype == torch.float32 else x.copy_(torch.view_as_real(pairs).flatten(-2))


def _rotated(x: Tensor, table: Tensor) -> Tensor:
    real, imaginary = x.unflatten(-1, (-1, 2)).unbind(-1)
    cosine, sine = table.unbind(-1)
    return torch.stack([real * cosine - imaginary * sine, real * sine + imaginary * cosine], dim=-1).flatten(-2)


@lru_cache(maxsize=16)
@torch.inference_mode(False)
def bicubic_matrix(length: int, coarse: int, device: torch.device) -> Tensor:
    """Matrix of bicubic interpolation from `coarse` to `length` samples: float32 [length, coarse]."""
    impulses = torch.eye(coarse, device=device)[None, :, :, None]
    return F.interpolate(impulses, size=(length, 1), mode="bicubic")[0, :, :, 0].T
