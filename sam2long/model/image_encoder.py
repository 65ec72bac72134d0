"""Image encoder: the Hiera trunk and a feature pyramid neck."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.config import SAM2Config
from sam2long.model.hiera import Hiera


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
    """Images [batch, 3, size, size] -> pyramid maps of strides 4, 8 and 16, all with `dim` channels."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.trunk = Hiera(config.trunk)
        self.neck = nn.ModuleList(nn.Conv2d(width, config.dim, 1) for width in config.trunk.widths)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps of stride 4, 8 and 16; only stride 16 receives the coarser map (as in SAM 2)."""
        fine, middle, coarse, coarsest = (conv(x) for conv, x in zip(self.neck, self.trunk(images), strict=True))
        return fine, middle, coarse + F.interpolate(coarsest, scale_factor=2.0, mode="nearest")
