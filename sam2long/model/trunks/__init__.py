"""Trunks of the image encoder, one file per family; `build_trunk` chooses by the type of the configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from sam2long.errors import ConfigError
from sam2long.model.trunk_config import (
    TRUNKS,
    EfficientNetConfig,
    HieraConfig,
    RepViTConfig,
    RotaryViTConfig,
    TrunkConfig,
    ViTConfig,
)
from sam2long.model.trunks.efficientnet import EfficientNet
from sam2long.model.trunks.hiera import Hiera
from sam2long.model.trunks.repvit import RepViT
from sam2long.model.trunks.rotary_vit import RotaryViT
from sam2long.model.trunks.vit import ViT

_BUILDERS: dict[type[Any], Callable[[Any], nn.Module]] = {
    HieraConfig: Hiera,
    EfficientNetConfig: EfficientNet,
    RepViTConfig: RepViT,
    ViTConfig: ViT,
    RotaryViTConfig: RotaryViT,
}


def build_trunk(config: TrunkConfig) -> nn.Module:
    """Build a trunk: images [batch, 3, height, width] to the maps of `TrunkConfig`, [batch, rows, columns, channels].

    Raises:
        ConfigError: the trunk of this configuration is not registered.
    """
    if type(config) not in _BUILDERS:
        raise ConfigError(f"no trunk is registered for {type(config).__name__}; see `register_trunk`")
    return _BUILDERS[type(config)](config)


def register_trunk(name: str, config: type[Any], build: Callable[[Any], nn.Module]) -> None:
    """Add a trunk of your own, so that `SAM2Config` may name it and checkpoints may store it.

    Args:
        name: under which checkpoints store the trunk.
        config: a frozen dataclass with the properties of `TrunkConfig`.
        build: makes the trunk of a configuration, see `build_trunk`.

    Raises:
        ConfigError: the name belongs to another trunk.
    """
    if TRUNKS.get(name, config) is not config:
        raise ConfigError(f"there is already a trunk called {name!r}")
    TRUNKS[name] = config
    _BUILDERS[config] = build
