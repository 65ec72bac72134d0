"""Image encoder: a trunk and a reduced feature pyramid."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.config import SAM2Config
from sam2long.model.layers import LayerNorm2d
from sam2long.model.trunks import build_trunk


@dataclass(frozen=True)
class ImageFeatures:
    """Feature maps of a batch of images.

    Attributes:
        stride4: [batch, dim / 8, size / 4, size / 4], already projected for the mask decoder; [batch, 0] if the
            decoder takes no fine maps.
        stride8: [batch, dim / 4, size / 8, size / 8], already projected for the mask decoder; or [batch, 0].
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
    """The trunk and a neck: 1x1 convolutions that project its maps to `dim` channels, or `PlainNeck` for one map."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.trunk = build_trunk(config.trunk)
        widths = config.trunk.widths
        self.neck = (
            nn.ModuleList(nn.Conv2d(width, config.dim, 1) for width in widths)
            if config.fine_maps
            else PlainNeck(widths[0], config.dim)
        )

    def forward(
        self, images: Tensor, project_stride4: nn.Conv2d | None, project_stride8: nn.Conv2d | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps of `ImageFeatures` for images [batch, 3, size, size].

        `project_stride4` and `project_stride8` are 1x1 convolutions of the mask decoder, if it takes fine maps. As in
        SAM 2, only the stride-16 map receives the coarser one, so these projections directly follow the neck's
        convolutions and are fused with them.
        """
        if isinstance(self.neck, PlainNeck):
            stride16 = self.neck(self.trunk(images)[0].permute(0, 3, 1, 2))
            nothing = stride16.new_empty(len(stride16), 0)
            return nothing, nothing, stride16
        assert project_stride4 is not None and project_stride8 is not None
        fine, middle, coarse, coarsest = self.trunk(images)
        above = F.interpolate(_project(coarsest, self.neck[3]), scale_factor=2.0, mode="nearest")
        return (
            _project(fine, self.neck[0], project_stride4),
            _project(middle, self.neck[1], project_stride8),
            _project(coarse, self.neck[2]) + above,
        )


class PlainNeck(nn.Module):
    """The neck of ViTDet (arXiv 2203.16527) for a single map: convolutions of 1x1 and 3x3, each with a norm."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(width, dim, 1, bias=False)
        self.norm1 = LayerNorm2d(dim)
        self.smooth = nn.Conv2d(dim, dim, 3, padding=1, bias=False)
        self.norm2 = LayerNorm2d(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, width, rows, columns] to [batch, dim, rows, columns]."""
        return self.norm2(self.smooth(self.norm1(self.project(x))))


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
