"""Imports timm without torchvision, of which it needs nothing for its networks.

timm's modules name a few things of torchvision when they are imported: transforms, data sets and one frozen layer.
Placeholders under those names are enough; if torchvision is installed, it is used.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import types
from enum import Enum

import pytest
from torch import nn

_MODULES = ("", ".ops", ".ops.misc", ".transforms", ".transforms.functional", ".datasets")


class InterpolationMode(Enum):
    """The names by which timm lists ways of resizing."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


class FrozenBatchNorm2d(nn.Module):
    """Only ever compared against, as a class."""


class _Placeholder(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def allow() -> None:
    """Let `import timm` succeed; the placeholders are gone again afterwards."""
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is missing; `make test` installs it")
    if "timm" in sys.modules or importlib.util.find_spec("torchvision") is not None:
        return
    names = [f"torchvision{part}" for part in _MODULES]
    for name in names:
        module = _Placeholder(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        module.__path__ = []
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    sys.modules["torchvision.ops.misc"].FrozenBatchNorm2d = FrozenBatchNorm2d
    sys.modules["torchvision.transforms.functional"].InterpolationMode = InterpolationMode
    try:
        import timm  # noqa: F401
    finally:
        for name in names:
            del sys.modules[name]
