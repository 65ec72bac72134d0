"""Precision of the network: float32, or bfloat16 where the hardware runs it faster."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from sam2long.errors import ConfigError
from sam2long.model.sam2 import SAM2

PRECISIONS = ("auto", "float32", "bfloat16")

_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""CPU flags in Linux of x86 processors with fast bfloat16 matrix products."""


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype of the image encoder and memory attention.

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
    """Convert the image encoder and memory attention, which dominate the cost, to `dtype`.

    Prompts, masks, scores and memories stay in float32: they cost little, and the selection of pathways depends on
    them.
    """
    model.image_encoder.to(dtype)
    model.memory_attention.to(dtype)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        # Ampere or later; on older GPUs PyTorch emulates it.
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and sys.platform == "linux" and not _CPU_FLAGS.isdisjoint(_cpu_flags())


def _cpu_flags() -> list[str]:
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
