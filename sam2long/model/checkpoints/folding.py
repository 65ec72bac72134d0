"""Folds batch norms, and the parallel branches of RepViT, into the convolutions that they follow or run beside."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_EPSILON = 1e-5
"""Added to the variances of batch norms, in PyTorch and so in every published RepViT."""

_NORM = ("weight", "bias", "running_mean", "running_var")


def fold_repvit(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Fold the trunk of a published EdgeTAM: `X.c` and `X.bn` become `X`; `X.conv`, `X.conv1` and identity become `X`.

    Parameters that lack a partner, or have one of another shape, are kept, so that loading reports what is missing.
    """
    state = {name: value for name, value in state.items() if not name.endswith(".bn.num_batches_tracked")}
    for name in [name.removesuffix(".c.weight") for name in state if name.endswith(".c.weight")]:
        channels = state[f"{name}.c.weight"].shape[:1]
        if all(_shape(state, f"{name}.bn.{part}") == channels for part in _NORM):
            weight = state.pop(f"{name}.c.weight")
            scale, shift, mean, variance = (state.pop(f"{name}.bn.{part}").float() for part in _NORM)
            factor = scale / (variance + _EPSILON).sqrt()
            state[f"{name}.weight"] = weight.float() * factor[:, None, None, None]
            state[f"{name}.bias"] = shift - mean * factor
    for name in [name.removesuffix(".conv.weight") for name in state if name.endswith("token_mixer.conv.weight")]:
        parts = [f"{name}.{branch}.{part}" for part in ("weight", "bias") for branch in ("conv", "conv1")]
        shapes = [_shape(state, part) for part in parts]
        if shapes == [(*shapes[2], 1, 3, 3), (*shapes[2], 1, 1, 1), shapes[2], shapes[2]]:
            wide, narrow, *biases = (state.pop(part) for part in parts)
            state[f"{name}.weight"] = wide + F.pad(narrow + torch.ones_like(narrow), (1, 1, 1, 1))
            state[f"{name}.bias"] = biases[0] + biases[1]
    return state


def _shape(state: dict[str, Tensor], name: str) -> tuple[int, ...]:
    """Return the shape of a parameter; that of no parameter if it is missing."""
    return tuple(state[name].shape) if name in state else (-1,)
