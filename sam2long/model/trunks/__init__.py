"""Trunks of the image encoder, one file per family; `build_trunk` chooses by the type of the configuration."""

from __future__ import annotations

from torch import nn

from sam2long.model.config import EfficientNetConfig, RepViTConfig, TrunkConfig
from sam2long.model.trunks.efficientnet import EfficientNet
from sam2long.model.trunks.hiera import Hiera
from sam2long.model.trunks.repvit import RepViT


def build_trunk(config: TrunkConfig) -> nn.Module:
    """Build a trunk, which maps images [batch, 3, height, width] to four maps [batch, rows, columns, channels]."""
    if isinstance(config, EfficientNetConfig):
        return EfficientNet(config)
    return RepViT(config) if isinstance(config, RepViTConfig) else Hiera(config)
