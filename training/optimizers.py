"""Muon for the matrices of the network, AdamW for its convolutions, biases, norms and embeddings, and for its trunk.

Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) steps along the momentum with its singular values set to
about 1, so that rare directions are learnt as fast as common ones. `torch.optim.Muon` iterates in bfloat16, which most
CPUs can only emulate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sam2long.model import SAM2

_MOMENTUM = 0.95
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_RMS = 0.2
"""Size of an entry of a step at rate 1, about that of AdamW."""

_WEIGHT_DECAY = 0.01
_SMALLEST_MATRIX = 4096
_ADAMW_SHARE = 0.5
"""Rate of AdamW as a share of Muon's."""

_TRUNK_SHARE = 0.1
"""Rate of the pretrained trunk as a share of that of AdamW elsewhere."""


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal; all parameters are matrices."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Step every matrix that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._step(parameter, parameter.grad, group["lr"])

    def _step(self, parameter: Tensor, gradient: Tensor, rate: float) -> None:
        state = self.state[parameter]
        momentum = state.setdefault("momentum", torch.zeros_like(parameter))
        momentum.mul_(_MOMENTUM).add_(gradient)
        direction = orthogonal(gradient + _MOMENTUM * momentum)
        parameter.mul_(1 - rate * _WEIGHT_DECAY)
        parameter.add_(direction, alpha=-rate * _RMS * max(parameter.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix [n, m] with its singular values moved to about 1 (0.7 to 1.2), by Newton-Schulz iteration."""
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T).T
    a, b, c = _NEWTON_SCHULZ
    x = matrix / (matrix.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x


@dataclass
class Optimizers:
    """Both optimisers of a model, used as one."""

    matrices: Muon
    others: torch.optim.AdamW

    def set_rate(self, rate: float) -> None:
        """Learning rate of the next step."""
        self.matrices.param_groups[0]["lr"] = rate
        for group, share in zip(self.others.param_groups, (1.0, _TRUNK_SHARE), strict=True):
            group["lr"] = rate * share * _ADAMW_SHARE

    def zero_grad(self) -> None:
        """Forget all gradients."""
        self.matrices.zero_grad()
        self.others.zero_grad()

    def step(self) -> None:
        """Step every parameter."""
        self.matrices.step()
        self.others.step()

    def state_dict(self) -> dict[str, Any]:
        """For `load_state_dict` of the same model's optimisers."""
        return {"matrices": self.matrices.state_dict(), "others": self.others.state_dict()}

    def load_state_dict(self, content: dict[str, Any]) -> None:
        """Go on where another pair was."""
        self.matrices.load_state_dict(content["matrices"])
        self.others.load_state_dict(content["others"])


def optimizers_of(model: SAM2) -> Optimizers:
    """New optimisers of a model's parameters, at rate 0."""
    trunk = list(model.image_encoder.trunk.parameters())
    pretrained = {id(parameter) for parameter in trunk}
    parameters = [parameter for parameter in model.parameters() if id(parameter) not in pretrained]
    matrices = [parameter for parameter in parameters if parameter.ndim == 2 and parameter.numel() > _SMALLEST_MATRIX]
    chosen = {id(parameter) for parameter in matrices}
    others = [parameter for parameter in parameters if id(parameter) not in chosen]
    groups = [{"params": others}, {"params": trunk}]
    return Optimizers(
        Muon([{"params": matrices}], lr=0.0), torch.optim.AdamW(groups, lr=0.0, weight_decay=0.0, fused=True)
    )
