"""The heavy parts of the network, compiled by PyTorch for the shapes they meet."""

from __future__ import annotations

import time
import warnings

import torch

from sam2long.errors import ConfigError
from sam2long.model.memory.memory_attention import Memory
from sam2long.model.sam2 import SAM2


def compile_model(model: SAM2) -> float:
    """Compile the image encoder for one image at a time, and on a GPU memory attention for memories of any length.

    On a CPU memory attention stays as it is: its loop over tiles is faster than what the compiler makes of it. Other
    batches of images compile once more when they first come.

    Returns:
        Seconds that it took.

    Raises:
        ConfigError: this machine cannot compile.
    """
    started = time.perf_counter()
    model.image_encoder.compile(dynamic=False)
    if model.device.type != "cpu":
        model.memory_attention.compile(dynamic=True)
    try:
        with warnings.catch_warnings():
            # Our caches of positional encodings depend on sizes only, so the compiler may look through them.
            warnings.filterwarnings("ignore", message="Dynamo detected a call to a .functools.lru_cache")
            _meet_shapes(model)
    except Exception as error:  # compilers fail in many ways
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"the network cannot be compiled here ({reason}); leave compiling out") from error
    return time.perf_counter() - started


@torch.inference_mode()
def _meet_shapes(model: SAM2) -> None:
    """Run once what is compiled, since compiling waits for the first call."""
    config, device = model.config, model.device
    side = config.image_size
    features = model.encode_image(torch.zeros(1, 3, side, side, device=device))
    if device.type == "cpu":
        return
    for rows, count in ((1, 1), (1, 2), (3, config.memory_slots)):
        maps = torch.zeros(rows, count, config.memory_dim, config.grid, config.grid, device=device)
        slots = torch.zeros(rows, count, dtype=torch.long, device=device)
        pointers = torch.zeros(rows, count, config.dim, device=device)
        model.attend(features.stride16, Memory(maps, slots, pointers, torch.zeros(rows, count, device=device)))
