"""Masks as the data sets store them: PNGs whose pixel values are object ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from sam2long.errors import DatasetError

IdMap = npt.NDArray[np.integer[Any]]

_ID_MODES = ("P", "L", "1", "I", "I;16")
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_SHOWN = 6


def read_ids(path: Path) -> IdMap:
    """Read object ids [height, width], 0 for background: palette indices, or the values of a grey image.

    Raises:
        DatasetError: missing, damaged, or a colour image.
    """
    pixels, mode = _read(path)
    if pixels.ndim == 2:
        return pixels
    first = pixels[..., 0]
    if not (pixels == first[..., None]).all():
        raise DatasetError(f"{path} is a colour image ({mode}); expected a palette or grey PNG with ids as values")
    return np.ascontiguousarray(first)


def read_binary(path: Path) -> IdMap:
    """Read a mask of one object, uint8 [height, width]: 1 where the value is above 0 or the colour not black, else 0.

    Raises:
        DatasetError: missing, damaged, or with more than one value or colour inside.
    """
    pixels, _ = _read(path)
    values = _codes(pixels)
    inside = present_ids(values)
    if len(inside) > 1:
        some = ", ".join(map(str, inside[:_SHOWN])) + (" ..." if len(inside) > _SHOWN else "")
        seen = f"the values {some}" if pixels.ndim == 2 else f"{len(inside)} colours"
        raise DatasetError(f"{path} has {seen} besides 0; expected the mask of one object, with one value")
    return (values > 0).view(np.uint8)


def values_inside(path: Path) -> list[int]:
    """The values of a mask besides 0, or the colours besides black as numbers; raises DatasetError as `read_binary`."""
    return present_ids(_codes(_read(path)[0]))


def cannot_hold_ids(path: Path) -> bool:
    """Whether an image is black and white or in colour, so that it shows one object; raises DatasetError."""
    try:
        with Image.open(path) as image:
            return image.mode == "1" or image.mode not in _ID_MODES
    except _UNREADABLE as error:
        raise DatasetError(f"the mask {path} cannot be read as an image: {error}") from error


def _codes(pixels: npt.NDArray[Any]) -> IdMap:
    """Values, or colours as red * 65536 + green * 256 + blue: [height, width]."""
    return pixels if pixels.ndim == 2 else pixels.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


def _read(path: Path) -> tuple[npt.NDArray[Any], str]:
    """Values [height, width], or [height, width, 3] of an opaque colour image, and Pillow's name of its mode."""
    try:
        with Image.open(path) as image:
            mode = image.mode
            if mode in _ID_MODES:
                pixels = np.asarray(image)
            else:
                colours = np.asarray(image.convert("RGBA"))
                if (colours[..., 3] < 255).any():
                    raise DatasetError(f"{path} is an image with transparency ({mode}); expected a palette or grey PNG")
                pixels = colours[..., :3]
    except FileNotFoundError as error:
        raise DatasetError(f"there is no mask {path}") from error
    except _UNREADABLE as error:
        raise DatasetError(f"the mask {path} cannot be read as an image: {error}") from error
    return (pixels.astype(np.uint8) if pixels.dtype == np.bool_ else pixels), mode


def present_values(ids: IdMap) -> list[int]:
    """The distinct values of an id map, ascending."""
    if ids.dtype == np.uint8:  # three times as fast
        counts = cv2.calcHist([ids], [0], None, [256], [0, 256]).ravel()
    elif ids.dtype == np.uint16:
        counts = np.bincount(ids.ravel())
    else:
        return [int(value) for value in np.unique(ids)]
    return [int(value) for value in np.flatnonzero(counts)]


def present_ids(ids: IdMap) -> list[int]:
    """The distinct values of an id map without 0, ascending."""
    return [value for value in present_values(ids) if value]
