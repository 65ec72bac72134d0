"""The one way from a video frame to the network's input, whatever the frame came from."""

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
        config: gives the side of the network's image.

    Returns:
        uint8 [1, 3, size, size]. The aspect ratio is not kept; resizing is bicubic with antialiasing, rounded to
        8 bits, as SAM 2 does to image files.
    """
    size = (config.image_size, config.image_size)
    pixels = _tensor(image).permute(2, 0, 1)[None]
    if pixels.shape[2:] == size:
        return pixels
    return F.interpolate(pixels, size=size, mode="bicubic", antialias=True)


def normalise(pixels: Tensor, config: SAM2Config, device: torch.device) -> Tensor:
    """Take resized frames, uint8 [batch, 3, size, size], to `device` and normalise them: float32."""
    if device.type == "cuda":
        # From pinned memory the copy does not wait for what the device is doing.
        pixels = pixels.pin_memory()
    scaled = pixels.to(device, non_blocking=device.type == "cuda").float() / 255
    mean, deviation = _mean_and_deviation(config, device)
    return (scaled - mean) / deviation


def _tensor(array: npt.NDArray[Any]) -> Tensor:
    """An array as a tensor; a copy where it is read-only, as Pillow's pictures are, since PyTorch warns of those."""
    return torch.from_numpy(np.require(array, requirements=("C", "W")))


@lru_cache(maxsize=16)
@torch.inference_mode(False)
def _mean_and_deviation(config: SAM2Config, device: torch.device) -> tuple[Tensor, Tensor]:
    mean, deviation = (torch.tensor(values, device=device)[:, None, None] for values in (config.mean, config.std))
    return mean, deviation


def prepare_mask(mask: npt.NDArray[np.bool_], config: SAM2Config, device: torch.device) -> Tensor:
    """Resize a mask prompt, bool [height, width], to 0.0 and 1.0 [1, 1, size, size] (bilinear, cut at 0.5; SAM 2)."""
    size = (config.image_size, config.image_size)
    values = _tensor(mask).float()[None, None]
    if values.shape[2:] != size:
        resized = F.interpolate(values, size=size, mode="bilinear", align_corners=False, antialias=True)
        values = (resized >= 0.5).float()
    return values.to(device)


def shrink_mask(logits: Tensor, config: SAM2Config) -> Tensor:
    """Resize a mask prompt's logits [1, 1, size, size] to the decoder's side, with antialiasing, where they are."""
    side = config.mask_size
    host = logits.to(resize_device(logits.device))
    small = F.interpolate(host, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
    return small.to(logits.device)


def resize_device(device: torch.device) -> torch.device:
    """Where antialiased resizing happens for a network on `device`: for MPS, which lacks or lacked it, on the CPU."""
    return torch.device("cpu") if device.type == "mps" else device
