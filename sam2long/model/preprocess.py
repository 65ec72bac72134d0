"""Converts video frames and mask prompts to network input."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2long.model.config import SAM2Config


def prepare_image(image: npt.NDArray[np.uint8], config: SAM2Config, device: torch.device) -> Tensor:
    """Resize and normalise a frame, uint8 [height, width, 3] RGB, to float32 [1, 3, size, size] on `device`."""
    return normalise(resize_image(image, config), config, device)


def resize_image(image: npt.NDArray[np.uint8], config: SAM2Config) -> Tensor:
    """Resize a frame on the CPU.

    Args:
        image: uint8 [height, width, 3] RGB.
        config: configuration with the network's image size.

    Returns:
        uint8 [1, 3, size, size]. The aspect ratio is not preserved; resizing is bicubic with antialiasing, rounded to
        8 bits, as SAM 2 does with image files.
    """
    size = (config.image_size, config.image_size)
    pixels = _tensor(image).permute(2, 0, 1)[None]
    if pixels.shape[2:] == size:
        return pixels
    return F.interpolate(pixels, size=size, mode="bicubic", antialias=True)


def normalise(pixels: Tensor, config: SAM2Config, device: torch.device) -> Tensor:
    """Move resized frames, uint8 [batch, 3, size, size], to `device` and normalise them to float32."""
    if device.type == "cuda":
        # The copy from pinned memory does not wait for pending work on the device.
        pixels = pixels.pin_memory()
    scaled = pixels.to(device, non_blocking=device.type == "cuda").float() / 255
    mean, deviation = _mean_and_deviation(config, device)
    return (scaled - mean) / deviation


def _tensor(array: npt.NDArray[Any]) -> Tensor:
    """Convert an array to a tensor; copies read-only arrays (such as Pillow images), for which PyTorch would warn."""
    return torch.from_numpy(np.require(array, requirements=("C", "W")))


@lru_cache(maxsize=16)
@torch.inference_mode(False)
def _mean_and_deviation(config: SAM2Config, device: torch.device) -> tuple[Tensor, Tensor]:
    mean, deviation = (torch.tensor(values, device=device)[:, None, None] for values in (config.mean, config.std))
    return mean, deviation


def prepare_mask(mask: npt.NDArray[np.bool_], config: SAM2Config, device: torch.device) -> Tensor:
    """Resize a mask prompt, bool [height, width], to 0.0 or 1.0 [1, 1, size, size] (bilinear, threshold 0.5; SAM 2)."""
    size = (config.image_size, config.image_size)
    values = _tensor(mask).float()[None, None]
    if values.shape[2:] != size:
        resized = F.interpolate(values, size=size, mode="bilinear", align_corners=False, antialias=True)
        values = (resized >= 0.5).float()
    return values.to(device)


def shrink_mask(logits: Tensor, config: SAM2Config) -> Tensor:
    """Resize mask-prompt logits [1, 1, size, size] to the decoder's mask size with antialiasing, on their device."""
    side = config.mask_size
    host = logits.to(resize_device(logits.device))
    small = F.interpolate(host, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
    return small.to(logits.device)


def resize_device(device: torch.device) -> torch.device:
    """Return the device for antialiased resizing: the CPU for MPS, where some PyTorch versions lack it."""
    return torch.device("cpu") if device.type == "mps" else device
