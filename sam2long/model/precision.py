"""Precision of the network: float32, or bfloat16 where the hardware runs it faster."""

from __future__ import annotations

import torch

from sam2long.errors import ConfigError
from sam2long.model.processor import processor_flags
from sam2long.model.sam2 import SAM2

PRECISIONS = ("auto", "float32", "bfloat16")

_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""Flags of x86 processors with fast bfloat16 matrix products."""


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype of the image encoder, memory attention and the memory encoder.

    Args:
        name: "float32", "bfloat16", or "auto" (bfloat16 if the device supports it natively, else float32).
        device: device the network runs on.

    Raises:
        ConfigError: the name is not one of these.
    """
    if name not in PRECISIONS:
        raise ConfigError(f"unknown precision {name!r}; known: {', '.join(PRECISIONS)}")
    if name == "auto":
        return torch.bfloat16 if _multiplies_bfloat16(device) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def set_precision(model: SAM2, dtype: torch.dtype) -> None:
    """Convert the image encoder, memory attention and the memory encoder, which dominate the cost, to `dtype`.

    Prompts, masks, scores and encoded memories stay in float32: they cost little, and the selection of pathways depends
    on them.
    """
    for part in (model.image_encoder, model.memory_attention, model.memory_encoder):
        part.to(dtype)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        # Ampere or later; on older GPUs PyTorch emulates it.
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and not _CPU_FLAGS.isdisjoint(processor_flags())
