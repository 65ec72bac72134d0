"""In which numbers the network computes: float32, or bfloat16 where a machine multiplies those faster."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from sam2long.errors import ConfigError
from sam2long.model.sam2 import SAM2

PRECISIONS = ("auto", "float32", "bfloat16")

_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""What Linux says of x86 processors whose bfloat16 products are faster than those of float32."""


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the type of the network's heavy part.

    Args:
        name: "float32", "bfloat16", or "auto": bfloat16 where the device multiplies it natively, else float32.
        device: where the network runs.

    Raises:
        ConfigError: the name is none of these.
    """
    if name not in PRECISIONS:
        raise ConfigError(f"unknown precision {name!r}; known: {', '.join(PRECISIONS)}")
    if name == "auto":
        return torch.bfloat16 if _multiplies_bfloat16(device) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def set_precision(model: SAM2, dtype: torch.dtype) -> None:
    """Keep the weights of image encoder and memory attention, where the work is, in `dtype`.

    Prompts, masks, scores and memories are float32 whatever it is: they cost little, and selection hangs on them.
    """
    model.image_encoder.to(dtype)
    model.memory_attention.to(dtype)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        # From Ampere on; before, PyTorch emulates it.
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and sys.platform == "linux" and not _CPU_FLAGS.isdisjoint(_cpu_flags())


def _cpu_flags() -> list[str]:
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
