"""The EfficientNet-Lite trunk: inverted bottlenecks of plain convolutions, without squeeze-and-excitation."""

from __future__ import annotations

from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.trunk_config import EfficientNetConfig

KERNELS, STRIDES = (3, 3, 5, 3, 5, 5, 3), (1, 2, 2, 2, 1, 2, 1)
"""Kernel sizes and strides of the seven stages; the stem has stride 2."""

_EXPANSIONS = (1, 6, 6, 6, 6, 6, 6)


class EfficientNet(nn.Module):
    """Maps images [batch, 3, height, width] to [batch, height / stride, width / stride, channels], strides 4 to 32.

    Height and width are multiples of 32. Batch norms are folded into the convolutions, which therefore have biases.
    """

    def __init__(self, config: EfficientNetConfig) -> None:
        super().__init__()
        self.stem = Convolution(3, config.stem, 3, stride=2)
        self.blocks = nn.ModuleList(_build_blocks(config))
        ends = list(accumulate(config.depths))
        self.map_ends = frozenset(ends[stage] - 1 for stage in config.map_stages)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the last map of each stride, finest first: [batch, height / stride, width / stride, channels]."""
        x = F.relu6(self.stem(images.contiguous(memory_format=torch.channels_last)))
        maps = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.map_ends:
                maps.append(x.permute(0, 2, 3, 1))
        return maps


def _build_blocks(config: EfficientNetConfig) -> list[Bottleneck]:
    blocks: list[Bottleneck] = []
    inputs = config.stem
    stages = zip(config.depths, config.channels, KERNELS, STRIDES, _EXPANSIONS, strict=True)
    for depth, outputs, kernel, stride, expansion in stages:
        for position in range(depth):
            blocks.append(Bottleneck(inputs, outputs, kernel, stride if position == 0 else 1, expansion))
            inputs = outputs
    return blocks


class Bottleneck(nn.Module):
    """Expands the channels, convolves each by itself, and projects back; a residual where shapes allow it."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = Convolution(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = Convolution(inner, inner, kernel, stride=stride, groups=inner)
        self.project = Convolution(inner, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, inputs, height, width] to [batch, outputs, height / stride, width / stride]."""
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        # Not in place: what a convolution of stride 2 returns is a view with gaps, and this closes them.
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class Convolution(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding, which at stride 2 adds more after an even side than before it.

    At stride 2 it pads one more row and column on each side than TensorFlow on its longer one, and leaves out the first
    row and column of the result: that takes no padded copy of the input.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        # TensorFlow pads kernel / 2 - 1 rows before the image; a step of the stride earlier are two more.
        padding = kernel // 2 + stride - 1
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve [batch, inputs, height, width], both sides even where the stride is 2."""
        y = super().forward(x)
        return y if self.stride[0] == 1 else y[..., 1:, 1:]
