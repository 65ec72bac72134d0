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


def read_ids(path: Path) -> IdMap:
    """Read object ids [height, width], 0 for background: palette indices, or the values of a grey image.

    Raises:
        DatasetError: missing, damaged, or a colour image.
    """
    try:
        with Image.open(path) as image:
            if image.mode not in _ID_MODES:
                raise DatasetError(
                    f"{path} is a colour image ({image.mode}); expected a palette or grey PNG with ids as values"
                )
            ids = np.asarray(image)
    except FileNotFoundError as error:
        raise DatasetError(f"there is no mask {path}") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(f"the mask {path} cannot be read as an image: {error}") from error
    return ids.astype(np.uint8) if ids.dtype == np.bool_ else ids


def read_binary(path: Path) -> IdMap:
    """Read a mask of one object: 1 inside (any value above 0), 0 outside, uint8 [height, width].

    Raises:
        DatasetError: as `read_ids`, or the image has more than two values.
    """
    ids = read_ids(path)
    values = present_values(ids)
    if len(values) > 2:
        raise DatasetError(f"{path} has {len(values)} values; expected the mask of one object, with at most two")
    return (ids > 0).view(np.uint8)


def present_values(ids: IdMap) -> list[int]:
    """The distinct values of an id map, ascending."""
    if ids.dtype == np.uint8:  # three times as fast
        counts = cv2.calcHist([ids], [0], None, [256], [0, 256]).ravel()
    else:
        counts = np.bincount(ids.ravel())
    return [int(value) for value in np.flatnonzero(counts)]


def present_ids(ids: IdMap) -> list[int]:
    """The distinct values of an id map without 0, ascending."""
    return [value for value in present_values(ids) if value]
