"""Image encoder: a trunk and a neck, which gives the three maps that the rest of the network reads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2long.model.config import SAM2Config
from sam2long.model.layers import LayerNorm2d
from sam2long.model.trunks import build_trunk

Maps = tuple[Tensor, Tensor, Tensor]
"""Fine, middle and coarse map, as in `ImageFeatures`."""


@dataclass(frozen=True)
class ImageFeatures:
    """Feature maps of a batch of images; `grid` is `SAM2Config.grid`.

    Attributes:
        fine: [batch, dim / 8, 4 grid, 4 grid], already projected for the mask decoder; [batch, 0] if the decoder takes
            no fine maps.
        middle: [batch, dim / 4, 2 grid, 2 grid], already projected for the mask decoder; or [batch, 0].
        coarse: [batch, dim, grid, grid].
    """

    fine: Tensor
    middle: Tensor
    coarse: Tensor

    def __getitem__(self, index: int) -> ImageFeatures:
        """Return the features of one image of the batch; keeps the batch dimension."""
        part = slice(index, index + 1)
        return ImageFeatures(self.fine[part], self.middle[part], self.coarse[part])


class ImageEncoder(nn.Module):
    """The trunk and its neck: `Pyramid` for four maps; for a single one `SimplePyramid`, or `PlainNeck`."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.trunk = build_trunk(config.trunk)
        widths, dim = config.trunk.widths, config.dim
        self.neck: Pyramid | SimplePyramid | PlainNeck
        if len(widths) > 1:
            self.neck = Pyramid(nn.Conv2d(width, dim, 1) for width in widths)
        else:
            self.neck = SimplePyramid(widths[0], dim) if config.simple_pyramid else PlainNeck(widths[0], dim)

    def forward(self, images: Tensor, to_fine: nn.Conv2d | None, to_middle: nn.Conv2d | None) -> Maps:
        """Return the maps of `ImageFeatures` for images [batch, 3, size, size].

        `to_fine` and `to_middle` are 1x1 convolutions of the mask decoder, if it takes fine maps. They directly follow
        convolutions of the neck, with which they are fused.
        """
        maps = self.trunk(images)
        if isinstance(self.neck, PlainNeck):
            coarse = self.neck(maps[0].permute(0, 3, 1, 2))
            nothing = coarse.new_empty(len(coarse), 0)
            return nothing, nothing, coarse
        assert to_fine is not None and to_middle is not None
        if isinstance(self.neck, SimplePyramid):
            return self.neck(maps[0].permute(0, 3, 1, 2), to_fine, to_middle)
        return self.neck(maps, to_fine, to_middle)


class Pyramid(nn.ModuleList):
    """1x1 convolutions that project a trunk's four maps to `dim` channels; the coarsest is added to the third."""

    def forward(self, maps: list[Tensor], to_fine: nn.Conv2d, to_middle: nn.Conv2d) -> Maps:
        """See `ImageEncoder`; the maps are [batch, rows, columns, channels], finest first."""
        fine, middle, coarse, coarsest = maps
        # As in SAM 2, the finer maps receive nothing from the coarser ones.
        above = F.interpolate(_project(coarsest, self[3]), scale_factor=2.0, mode="nearest")
        return _project(fine, self[0], to_fine), _project(middle, self[1], to_middle), _project(coarse, self[2]) + above


class SimplePyramid(nn.Module):
    """ViTDet's simple pyramid (arXiv 2203.16527) without norms, as in SAM 3: three maps of a trunk's single one."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        halves = (width, width // 2, width // 4)
        self.enlarge_fine = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 2, stride=2) for before, after in pairwise(halves)
        )
        self.enlarge_middle = nn.ConvTranspose2d(width, width // 2, 2, stride=2)
        self.project = nn.ModuleList(nn.Conv2d(channels, dim, 1) for channels in reversed(halves))
        self.smooth = nn.ModuleList(nn.Conv2d(dim, dim, 3, padding=1) for _ in halves)

    def forward(self, x: Tensor, to_fine: nn.Conv2d, to_middle: nn.Conv2d) -> Maps:
        """See `ImageEncoder`; `x` is [batch, width, grid, grid]."""
        first, second = self.enlarge_fine
        fine = self.project[0](second(F.gelu(first(x))))
        middle = self.project[1](self.enlarge_middle(x))
        return (
            _smooth(fine, self.smooth[0], to_fine),
            _smooth(middle, self.smooth[1], to_middle),
            self.smooth[2](self.project[2](x)),
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


def _smooth(x: Tensor, convolution: nn.Module, then: nn.Conv2d) -> Tensor:
    """Apply a 3x3 and a 1x1 convolution, fused into one, to [batch, channels, height, width]."""
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    matrix, shift = _matrix(then)
    weight = torch.einsum("oc,cihw->oihw", matrix, convolution.weight.float())
    bias = matrix @ convolution.bias.float() + shift
    return F.conv2d(x, weight.to(x.dtype), bias.to(x.dtype), padding=1)


def _matrix(convolution: nn.Module) -> tuple[Tensor, Tensor]:
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    return convolution.weight.flatten(1).float(), convolution.bias.float()
