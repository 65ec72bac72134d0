"""The RepViT trunk (arXiv 2307.09283): plain convolutions, with squeeze-and-excitation in every second block."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.trunk_config import RepViTConfig

_SQUEEZED_TO_MULTIPLES_OF = 8


class RepViT(nn.Module):
    """Maps images [batch, 3, height, width] to [batch, height / stride, width / stride, channels], strides 4 to 32.

    Height and width are multiples of 32. Batch norms, and the parallel branches used in training, are folded into the
    convolutions.
    """

    def __init__(self, config: RepViTConfig) -> None:
        super().__init__()
        first = config.widths[0]
        self.stem = Pair(
            nn.Conv2d(3, first // 2, 3, stride=2, padding=1), nn.Conv2d(first // 2, first, 3, stride=2, padding=1)
        )
        inputs = [first, *config.widths[:-1]]
        self.stages = nn.ModuleList(
            Stage(before, width, depth, config.expansion, downsample=number > 0)
            for number, (before, width, depth) in enumerate(zip(inputs, config.widths, config.depths, strict=True))
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the map of each stage, finest first: [batch, height / stride, width / stride, channels]."""
        x = self.stem(images.contiguous(memory_format=torch.channels_last))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x.permute(0, 2, 3, 1))
        return maps


class Pair(nn.Module):
    """Two convolutions with a GELU in between."""

    def __init__(self, conv1: nn.Conv2d, conv2: nn.Conv2d) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv1, conv2

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, channels, height, width]."""
        return self.conv2(F.gelu(self.conv1(x)))


def mixer(width: int, expansion: int) -> Pair:
    """Mix the channels of each pixel, through `expansion` times as many."""
    return Pair(nn.Conv2d(width, width * expansion, 1), nn.Conv2d(width * expansion, width, 1))


class Stage(nn.Module):
    """Halves the map unless it is the first stage, and applies blocks."""

    def __init__(self, inputs: int, width: int, depth: int, expansion: int, downsample: bool) -> None:
        super().__init__()
        self.downsample = Downsample(inputs, width, expansion) if downsample else None
        self.blocks = nn.ModuleList(Block(width, expansion, squeeze=number % 2 == 0) for number in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, inputs, height, width] to [batch, width, height (/ 2), width (/ 2)]."""
        if self.downsample is not None:
            x = self.downsample(x)
        for block in self.blocks:
            x = block(x)
        return x


class Downsample(nn.Module):
    """A block, a strided convolution of each channel, a projection to more channels, and a mixer of channels."""

    def __init__(self, inputs: int, width: int, expansion: int) -> None:
        super().__init__()
        self.pre_block = Block(inputs, expansion, squeeze=False)
        self.spatial = nn.Conv2d(inputs, inputs, 3, stride=2, padding=1, groups=inputs)
        self.channel = nn.Conv2d(inputs, width, 1)
        self.channel_mixer = mixer(width, expansion)

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, inputs, height, width] to [batch, width, height / 2, width / 2]."""
        x = self.channel(self.spatial(self.pre_block(x)))
        return x + self.channel_mixer(x)


class Block(nn.Module):
    """Mixes neighbouring pixels, optionally weighs the channels, and mixes the channels."""

    def __init__(self, width: int, expansion: int, squeeze: bool) -> None:
        super().__init__()
        self.token_mixer = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.squeeze = Squeeze(width) if squeeze else None
        self.channel_mixer = mixer(width, expansion)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [batch, width, height, width]."""
        x = self.token_mixer(x)
        if self.squeeze is not None:
            x = self.squeeze(x)
        return x + self.channel_mixer(x)


class Squeeze(nn.Module):
    """Squeeze-and-excitation (arXiv 1709.01507): scales channels by a function of their means."""

    def __init__(self, width: int) -> None:
        super().__init__()
        step = _SQUEEZED_TO_MULTIPLES_OF
        inner = max(step, (width // 4 + step // 2) // step * step)
        self.reduce, self.restore = nn.Conv2d(width, inner, 1), nn.Conv2d(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [batch, width, height, width]."""
        return x * self.restore(F.relu(self.reduce(x.mean((2, 3), keepdim=True)))).sigmoid()
