"""Image encoder: a trunk and a reduced feature pyramid."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.config import SAM2Config
from sam2long.model.trunks import build_trunk


@dataclass(frozen=True)
class ImageFeatures:
    """Feature maps of a batch of images.

    Attributes:
        stride4: [batch, dim / 8, size / 4, size / 4], already projected for the mask decoder.
        stride8: [batch, dim / 4, size / 8, size / 8], already projected for the mask decoder.
        stride16: [batch, dim, size / 16, size / 16].
    """

    stride4: Tensor
    stride8: Tensor
    stride16: Tensor

    def __getitem__(self, index: int) -> ImageFeatures:
        """Return the features of one image of the batch; keeps the batch dimension."""
        part = slice(index, index + 1)
        return ImageFeatures(self.stride4[part], self.stride8[part], self.stride16[part])


class ImageEncoder(nn.Module):
    """The trunk and 1x1 convolutions that project its maps to `dim` channels."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.trunk = build_trunk(config.trunk)
        self.neck = nn.ModuleList(nn.Conv2d(width, config.dim, 1) for width in config.trunk.widths)

    def forward(
        self, images: Tensor, project_stride4: nn.Conv2d, project_stride8: nn.Conv2d
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps of `ImageFeatures` for images [batch, 3, size, size].

        `project_stride4` and `project_stride8` are 1x1 convolutions of the mask decoder. As in SAM 2, only the
        stride-16 map receives the coarser one, so these projections directly follow the neck's convolutions and are
        fused with them.
        """
        fine, middle, coarse, coarsest = self.trunk(images)
        above = F.interpolate(_project(coarsest, self.neck[3]), scale_factor=2.0, mode="nearest")
        return (
            _project(fine, self.neck[0], project_stride4),
            _project(middle, self.neck[1], project_stride8),
            _project(coarse, self.neck[2]) + above,
        )


def _project(x: Tensor, *convolutions: nn.Module) -> Tensor:
    """Apply 1x1 convolutions, fused into one, to [batch, height, width, channels]; the result is channels-first."""
    weight, bias = _matrix(convolutions[0])
    for convolution in convolutions[1:]:
        then, shift = _matrix(convolution)
        weight, bias = then @ weight, then @ bias + shift
    return F.linear(x, weight.to(x.dtype), bias.to(x.dtype)).permute(0, 3, 1, 2)


def _matrix(convolution: nn.Module) -> tuple[Tensor, Tensor]:
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    return convolution.weight.flatten(1).float(), convolution.bias.float()
