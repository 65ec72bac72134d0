"""Compares the two most expensive stages with the machine's own peak."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from sam2long.bench.scripted import MeasuredSAM2, wait_for
from sam2long.model import Memory

_SIDE = {"cpu": 2048, "cuda": 8192, "mps": 4096}
_REPEATS = 10
_PATIENCE = 10.0
"""Seconds after which nothing is repeated: products in a precision that the machine only emulates take long."""


@dataclass(frozen=True)
class Roofline:
    """Achieved GFLOP/s; a multiplication and an addition count as two operations.

    Attributes:
        peak: of the best of several large square matrix products, in the network's precision.
        encode: of the image encoder.
        attend: of memory attention with one row of full memory.
    """

    peak: float
    encode: float
    attend: float


@torch.inference_mode()
def roofline(model: MeasuredSAM2, image: Tensor, repeats: int = 3) -> Roofline:
    """Measure on one prepared image [1, 3, size, size]; the best of `repeats` counts."""
    image = image.to(model.device)
    features, memory = model.encode_image(image), _full_memory(model)

    def rate(work: Callable[[], object]) -> float:
        return _count(work) / _best_time(work, model.device, repeats) / 1e9

    return Roofline(
        matmul_peak(model.device, model.precision),
        rate(lambda: model.encode_image(image)),
        rate(lambda: model.attend(features.coarse, memory)),
    )


def matmul_peak(device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """GFLOP/s of the best of several large square matrix products."""
    side = _SIDE[device.type]
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2 * side**3 / _best_time(lambda: a @ b, device, _REPEATS) / 1e9


def _full_memory(model: MeasuredSAM2) -> Memory:
    config = model.config
    slots, pointers = config.memory_slots, config.max_pointers
    return Memory(
        spatial=torch.randn(1, slots, *config.memory_shape, device=model.device),
        slots=torch.arange(slots, device=model.device)[None],
        pointers=torch.randn(1, pointers, config.dim, device=model.device),
        times=torch.rand(1, pointers, device=model.device),
    )


def _best_time(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    def once() -> float:
        wait_for(device)
        started = time.perf_counter()
        work()
        wait_for(device)
        return time.perf_counter() - started

    best = once()
    for _ in range(min(repeats - 1, int(_PATIENCE / best))):
        best = min(best, once())
    return best


def _count(work: Callable[[], object]) -> float:
    """Operations of the matrix products, convolutions and attentions in `work`."""
    fused_on_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    mapping: dict[Any, Any] = {fused_on_cpu: _attention_operations}
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        work()
    return float(counter.get_total_flops())


def _attention_operations(q: Any, k: Any, v: Any, *_: Any, **__: Any) -> int:
    operations: int = sdpa_flop_count(q, k, v)
    return operations
