"""The one way from a video frame to the network's input, whatever the frame came from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2long.model.config import SAM2Config


def prepare_image(image: npt.NDArray[np.uint8], config: SAM2Config, device: torch.device) -> Tensor:
    """Resize and normalise a frame.

    Args:
        image: uint8 [height, width, 3] RGB.
        config: gives the side of the network's image, and the mean and deviation.
        device: where the result goes.

    Returns:
        float32 [1, 3, size, size]. The aspect ratio is not kept; resizing is bicubic with antialiasing, rounded to
        8 bits, as SAM 2 does to image files.
    """
    size = (config.image_size, config.image_size)
    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    if pixels.shape[2:] != size:
        pixels = F.interpolate(pixels, size=size, mode="bicubic", antialias=True)
    scaled = pixels.to(device).float() / 255
    mean, std = (torch.tensor(values, device=device)[:, None, None] for values in (config.mean, config.std))
    return (scaled - mean) / std


def prepare_mask(mask: npt.NDArray[np.bool_], config: SAM2Config, device: torch.device) -> Tensor:
    """Resize a mask prompt, bool [height, width], to 0.0 and 1.0 [1, 1, size, size] (bilinear, cut at 0.5; SAM 2)."""
    size = (config.image_size, config.image_size)
    values = torch.from_numpy(np.ascontiguousarray(mask)).to(device).float()[None, None]
    if values.shape[2:] == size:
        return values
    resized = F.interpolate(values, size=size, mode="bilinear", align_corners=False, antialias=True)
    return (resized >= 0.5).float()
