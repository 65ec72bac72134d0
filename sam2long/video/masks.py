"""Reads mask prompts from image files."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from sam2long.errors import PromptError

MOST_COLOURS = 255
IGNORED = 255


def read_mask_file(path: str | Path) -> dict[int, npt.NDArray[np.bool_]]:
    """Read the objects of a mask image.

    - Palette image (DAVIS style): each colour index except 0 is an object, and the index is its id. Next to other
      objects, 255 is the usual "ignore" label and is skipped with a warning.
    - Black-and-white or grey image with one value besides 0: one object, id 1.
    - Colour image: each colour except black is an object, with ids 1, 2, ... in order of appearance, row by row; fully
      transparent pixels are background.

    Returns:
        bool [height, width] masks by object id, none of them empty.

    Raises:
        PromptError: the file is missing, is not an image, holds no object, is a grey image of several values, or has
            more than 255 colours.
    """
    labels = _labels(Path(path))
    ids = np.unique(labels[labels != 0])
    if len(ids) == 0:
        raise PromptError(f"the mask {path} is empty: all its pixels are background")
    return {int(object_id): labels == object_id for object_id in ids}


def _labels(path: Path) -> npt.NDArray[np.int64]:
    """int64 [height, width] object ids, 0 for background."""
    try:
        with Image.open(path) as image:
            image.load()
            if image.mode == "P":
                return _without_ignored(np.asarray(image).astype(np.int64), path)
            if image.mode in ("1", "L", "F") or image.mode.startswith("I"):
                return _one_object(np.asarray(image), path)
            return _objects_by_colour(np.asarray(image.convert("RGBA")), path)
    except FileNotFoundError as error:
        raise PromptError(f"the mask {path} does not exist") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PromptError(f"the mask {path} cannot be read as an image: {error}") from error


def _without_ignored(labels: npt.NDArray[np.int64], path: Path) -> npt.NDArray[np.int64]:
    ids = np.unique(labels[labels != 0])
    if len(ids) < 2 or ids[-1] != IGNORED:
        return labels
    warnings.warn(f"the mask {path}: index {IGNORED} next to other objects means 'ignore' and is skipped", stacklevel=2)
    return np.where(labels == IGNORED, 0, labels)


def _one_object(values: npt.NDArray[np.generic], path: Path) -> npt.NDArray[np.int64]:
    inside = values != 0
    levels = np.unique(values[inside])
    if len(levels) > 1:
        raise PromptError(
            f"the grey mask {path} has {len(levels)} values besides 0; use a single value for one object, or a palette"
            " PNG for several"
        )
    labels: npt.NDArray[np.int64] = np.asarray(inside, np.int64)
    return labels


def _objects_by_colour(pixels: npt.NDArray[np.uint8], path: Path) -> npt.NDArray[np.int64]:
    red, green, blue, alpha = pixels.astype(np.int64).transpose(2, 0, 1)
    codes = np.where(alpha > 0, (red << 16) + (green << 8) + blue, 0)
    colours, first_seen, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = [int(i) for i in np.argsort(first_seen) if colours[i] != 0]
    if len(order) > MOST_COLOURS:
        raise PromptError(
            f"the mask {path} has {len(order)} colours, like a photograph or a JPEG; save it as PNG with one"
            " plain colour per object"
        )
    label_of = np.zeros(len(colours), np.int64)
    label_of[order] = np.arange(1, len(order) + 1)
    return label_of[inverse.reshape(codes.shape)]
