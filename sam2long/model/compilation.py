"""Compiles the expensive parts of the network with PyTorch."""

from __future__ import annotations

import time
import warnings

import torch

from sam2long.errors import ConfigError
from sam2long.model.memory.memory_attention import Memory
from sam2long.model.sam2 import SAM2


def compile_model(model: SAM2) -> float:
    """Compile the image encoder for a batch of one and, on a GPU, memory attention for memories of any length.

    On a CPU, memory attention is not compiled, as its loop over tiles is faster. Other batch sizes of images trigger
    another compilation on first use.

    Returns:
        Compilation time in seconds.

    Raises:
        ConfigError: the network cannot be compiled on this machine.
    """
    started = time.perf_counter()
    model.image_encoder.compile(dynamic=False)
    if model.device.type != "cpu":
        model.memory_attention.compile(dynamic=True)
    try:
        with warnings.catch_warnings():
            # Our cached positional encodings depend only on sizes, so the compiler may trace through the cache.
            warnings.filterwarnings("ignore", message="Dynamo detected a call to a .functools.lru_cache")
            _meet_shapes(model)
    except Exception as error:  # compilers fail in many ways
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f"the network cannot be compiled on this machine ({reason}); run it without compiling"
        ) from error
    return time.perf_counter() - started


@torch.inference_mode()
def _meet_shapes(model: SAM2) -> None:
    """Run the compiled parts once, since compilation happens on the first call."""
    config, device = model.config, model.device
    side = config.image_size
    features = model.encode_image(torch.zeros(1, 3, side, side, device=device))
    if device.type == "cpu":
        return
    for rows, count in ((1, 1), (1, 2), (3, config.memory_slots)):
        spatial = torch.zeros(rows, count, *config.memory_shape, device=device)
        slots = torch.zeros(rows, count, dtype=torch.long, device=device)
        pointers = torch.zeros(rows, count, config.dim, device=device)
        model.attend(features.coarse, Memory(spatial, slots, pointers, torch.zeros(rows, count, device=device)))
