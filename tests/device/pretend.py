"""A pretended accelerator: tensors that say they live on cuda:0 while the CPU computes them.

A mode sees every operation of its thread. What is asked for on a CUDA device comes out as a `DeviceTensor`, a wrapper
around a CPU tensor that says "cuda:0"; an operation on one unwraps, runs on the CPU and wraps again. As on a GPU, other
tensors may not be mixed in, except single numbers (0 dimensions) and indices; random numbers need a generator of the
device; and whatever makes the host wait for the device is noted in `PretendedDevice.waits`: copies to the host, copies
from it that are not both pinned and non-blocking, numbers read with `item`, shapes that depend on values. It knows
nothing of kernels, streams, autocast or memory, so what passes here may still be slow on a GPU, or want a kernel there.
Devices have to be named with their number: "cuda:0", not "cuda".
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import sam2long

DEVICE = torch.device("cuda", 0)
HOST = torch.device("cpu")

_PACKAGE = str(Path(sam2long.__file__).parent)
_READS = {
    "_local_scalar_dense", "_unique2", "allclose", "bincount", "equal", "masked_select", "nonzero", "repeat_interleave",
}  # fmt: skip
"""Operations whose result, or its shape, the host must know before it can go on."""
_INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_"}


class DeviceTensor(torch.Tensor):
    """A tensor that says it lives on cuda:0; `inner` is where it does."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> DeviceTensor:
        # PyTorch's own code asks a CUDA device for things that it lacks in a build for CPUs; of "meta" it asks nothing.
        made: DeviceTensor = torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, inner.stride(), inner.storage_offset(), dtype=inner.dtype, device="meta"
        )
        made.inner = inner
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"{func} on a tensor of the pretended device, in a thread that does not know of it")

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return DEVICE

    @property
    def is_cuda(self) -> bool:  # type: ignore[override]
        return True

    @property
    def is_meta(self) -> bool:  # type: ignore[override]
        return False

    def new_tensor(self, data: Any, *, dtype: torch.dtype | None = None) -> Tensor:
        """By `torch.tensor`, which the fixture looks after; what PyTorch makes itself no mode sees."""
        return torch.tensor(data, dtype=dtype or self.dtype, device=DEVICE)

    def tolist(self) -> Any:
        """As of a CUDA tensor: by a copy to the host (PyTorch refuses wrappers)."""
        return self.cpu().tolist()

    def __repr__(self) -> str:
        return f"DeviceTensor({self.inner!r})"


@dataclass(frozen=True)
class Wait:
    """The host waited for the device: for which operation, in which function of the package, on which thread."""

    operation: str
    place: str
    thread: str


@dataclass(eq=False)
class PretendedDevice:
    """The waits noted so far, by all threads."""

    waits: list[Wait] = field(default_factory=list)

    def mode(self) -> TorchDispatchMode:
        """What a thread enters to know of the device."""
        return _Mode(self.wait)

    def wait(self, operation: str) -> None:
        """Note that the host waits for the device."""
        self.waits.append(Wait(operation, _place(), threading.current_thread().name))


def pinned(tensor: Tensor) -> Tensor:
    """Count a tensor as one in pinned memory."""
    tensor.pretended_pinned = True  # type: ignore[attr-defined]
    return tensor


class _Mode(TorchDispatchMode):
    def __init__(self, wait: Callable[[str], None]) -> None:
        super().__init__()
        self.wait = wait

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name, is_composite, is_view = _facts(func)
        leaves = _leaves([*args, *kwargs.values()])
        target = kwargs.get("device")
        here = any(isinstance(leaf, DeviceTensor) for leaf in leaves) or (target is not None and target.type != "cpu")
        if is_composite and (here or name in ("to", "pin_memory")):
            # In inference mode operations that are made of others arrive whole.
            with self:
                return func.decompose(*args, **kwargs)
        if name in ("_pin_memory", "is_pinned"):
            return _pin(name, args[0])
        if not here:
            return func(*args, **kwargs)
        if _needs_host(name, args, kwargs):
            self.wait(name)
        _check_devices(name, leaves, [*args, *kwargs.values()])
        if target is not None:
            kwargs["device"] = HOST
        # A view of a tensor made outside of inference mode is no inference tensor, even inside.
        with torch.inference_mode(False) if is_view and not args[0].is_inference() else nullcontext():
            out = func(*_map(_unwrap, args), **{key: _map(_unwrap, value) for key, value in kwargs.items()})
            if target == HOST:
                return out
            # What an operation writes to is returned as the object it was.
            known = {id(_unwrap(leaf)): leaf for leaf in leaves if isinstance(leaf, Tensor)}
            return _map(lambda one: known.get(id(one)) if id(one) in known else _wrap(one), out)


@cache
def _facts(func: Any) -> tuple[str, bool, bool]:
    """An operation's name, whether it is made of others, and whether it returns a view."""
    returned = [one.alias_info for one in func._schema.returns]
    return (
        func._schema.name.removeprefix("aten::"),
        torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"),
        any(alias is not None and not alias.is_write for alias in returned),
    )


def _needs_host(name: str, args: Any, kwargs: Any) -> bool:
    if name in _INDEXED:
        indices = [index for index in args[1] if index is not None]
        return any(index.dtype in (torch.bool, torch.uint8) or not index.is_cuda for index in indices)
    if name == "_to_copy":
        source, leaves_host = args[0], kwargs.get("device", args[0].device) != HOST
    elif name == "copy_":
        source, leaves_host = args[1], args[0].is_cuda
    else:
        return name in _READS
    if source.is_cuda:
        return not leaves_host
    return not (_is_pinned(source) and kwargs.get("non_blocking", len(args) > 2 and args[2]))


def _check_devices(name: str, leaves: list[Any], values: list[Any]) -> None:
    """A tensor of the host may stand beside those of the device only if it is a single number, or an index."""
    if any(isinstance(leaf, torch.Generator) for leaf in leaves):
        raise RuntimeError(f"{name}: expected a 'cuda' device type for generator but found 'cpu'")
    if name in ("_to_copy", "copy_") or not any(_is_of_host(leaf) for leaf in leaves):
        return
    for value in values:
        alone = isinstance(value, Tensor) and value.dim() == 0
        indices = name in _INDEXED and isinstance(value, (list, tuple))
        if not alone and not indices and any(_is_of_host(one) for one in _leaves([value])):
            raise RuntimeError(f"{name}: expected all tensors to be on the same device, found cuda:0 and cpu")


def _is_of_host(value: Any) -> bool:
    return isinstance(value, Tensor) and not isinstance(value, DeviceTensor)


def _pin(name: str, tensor: Tensor) -> Tensor | bool:
    if name == "is_pinned":
        return _is_pinned(tensor)
    if tensor.is_cuda:
        raise RuntimeError("only dense CPU tensors can be pinned")
    return pinned(tensor.clone())


def _is_pinned(tensor: Tensor) -> bool:
    return getattr(tensor, "pretended_pinned", False)


def _leaves(values: Any) -> list[Any]:
    return [leaf for value in values for leaf in (_leaves(value) if isinstance(value, (list, tuple)) else [value])]


def _map(work: Callable[[Any], Any], value: Any) -> Any:
    return type(value)(_map(work, one) for one in value) if isinstance(value, (list, tuple)) else work(value)


def _unwrap(value: Any) -> Any:
    return value.inner if isinstance(value, DeviceTensor) else value


def _wrap(value: Any) -> Any:
    # PyTorch conjugates by a note on the tensor, which would stay inside.
    return DeviceTensor(value.resolve_conj().resolve_neg()) if isinstance(value, Tensor) else value


def _place() -> str:
    """The innermost function of the package that is running: "module.function"."""
    frame = sys._getframe()
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_PACKAGE):
            return f"{Path(file).stem}.{frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return "outside"
