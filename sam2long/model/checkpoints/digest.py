"""A digest that identifies the weights of a model."""

from __future__ import annotations

import hashlib

from torch import nn

_VALUES = 256
"""Number of values hashed per parameter; enough to tell networks apart within milliseconds."""


def weights_digest(model: nn.Module) -> str:
    """Return the hexadecimal SHA-256 of the names, shapes and some values of all parameters."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.state_dict().items()):
        some = parameter.detach().flatten()[:_VALUES].float().cpu().numpy()
        digest.update(f"{name} {tuple(parameter.shape)}".encode() + some.tobytes())
    return digest.hexdigest()
