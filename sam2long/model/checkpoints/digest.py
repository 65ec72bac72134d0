"""Whether weights are still the ones they were."""

from __future__ import annotations

import hashlib

from torch import nn

_VALUES = 256
"""Of each parameter, enough to tell networks apart in milliseconds."""


def weights_digest(model: nn.Module) -> str:
    """Return the SHA-256, in hexadecimal, of names, shapes and some values of every parameter."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.state_dict().items()):
        some = parameter.detach().flatten()[:_VALUES].float().cpu().numpy()
        digest.update(f"{name} {tuple(parameter.shape)}".encode() + some.tobytes())
    return digest.hexdigest()
