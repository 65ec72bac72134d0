"""Image encoder: the Hiera trunk, and what is left of a feature pyramid."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.config import SAM2Config
from sam2long.model.trunks.hiera import Hiera


@dataclass(frozen=True)
class ImageFeatures:
    """What the rest of the network needs of a batch of images.

    Attributes:
        stride4: [batch, dim / 8, size / 4, size / 4], already projected for the mask decoder.
        stride8: [batch, dim / 4, size / 8, size / 8], likewise.
        stride16: [batch, dim, size / 16, size / 16].
    """

    stride4: Tensor
    stride8: Tensor
    stride16: Tensor

    def __getitem__(self, index: int) -> ImageFeatures:
        """Features of one image of the batch; the batch dimension stays."""
        part = slice(index, index + 1)
        return ImageFeatures(self.stride4[part], self.stride8[part], self.stride16[part])


class ImageEncoder(nn.Module):
    """The trunk, and 1x1 convolutions that bring its maps to `dim` channels."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.trunk = Hiera(config.trunk)
        self.neck = nn.ModuleList(nn.Conv2d(width, config.dim, 1) for width in config.trunk.widths)

    def forward(
        self, images: Tensor, project_stride4: nn.Conv2d, project_stride8: nn.Conv2d
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps of `ImageFeatures` for images [batch, 3, size, size].

        The projections are the mask decoder's, 1x1. Only stride 16 receives the coarser map (as in SAM 2), so nothing
        lies between the neck's convolutions and the decoder's on the finer ones, and the two are one.
        """
        fine, middle, coarse, coarsest = self.trunk(images)
        above = F.interpolate(_project(coarsest, self.neck[3]), scale_factor=2.0, mode="nearest")
        return (
            _project(fine, self.neck[0], project_stride4),
            _project(middle, self.neck[1], project_stride8),
            _project(coarse, self.neck[2]) + above,
        )


def _project(x: Tensor, *convolutions: nn.Module) -> Tensor:
    """Apply 1x1 convolutions, multiplied into one, to [batch, height, width, channels]; returns channels first."""
    weight, bias = _matrix(convolutions[0])
    for convolution in convolutions[1:]:
        then, shift = _matrix(convolution)
        weight, bias = then @ weight, then @ bias + shift
    return F.linear(x, weight.to(x.dtype), bias.to(x.dtype)).permute(0, 3, 1, 2)


def _matrix(convolution: nn.Module) -> tuple[Tensor, Tensor]:
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    return convolution.weight.flatten(1).float(), convolution.bias.float()
