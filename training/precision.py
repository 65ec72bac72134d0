"""Training in bfloat16 where the machine multiplies it faster; the weights stay float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from sam2long.model.precision import choose_precision


@contextmanager
def mixed_precision(device: torch.device) -> Iterator[None]:
    """Compute in bfloat16 what gains by it, on devices that multiply it natively; change nothing on others."""
    if choose_precision("auto", device) is torch.float32:
        yield
    elif device.type == "cpu":
        with torch.autocast("cpu", torch.bfloat16), _FastGradients():
            yield
    else:
        with torch.autocast(device.type, torch.bfloat16):
            yield


class _FastGradients(TorchFunctionMode):
    """Replaces what torch differentiates slowly on CPUs, where something learns.

    Attention becomes plain products: the backward pass of the fused kernel takes 2 to 15 times as long. Depthwise
    convolutions are computed in float32: in bfloat16 their backward pass takes 4 times as long.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is F.scaled_dot_product_attention and _learns(args):
            return _attend(*args)
        if func is F.conv2d and _groups(args, kwargs) > 1 and _learns(args):
            with torch.autocast("cpu", enabled=False):
                return func(args[0].float(), *args[1:], **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _learns(args: tuple[Any, ...]) -> bool:
    return torch.is_grad_enabled() and any(part.requires_grad for part in args[:3])


def _groups(args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> int:
    given = args[6] if len(args) > 6 else (kwargs or {}).get("groups", 1)
    return int(given)


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k' / sqrt(channels)) v; [..., queries, channels], [..., keys, channels], [..., keys, any]."""
    return (q * q.shape[-1] ** -0.5 @ k.mT).softmax(-1) @ v
