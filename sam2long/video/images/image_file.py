"""Reads one picture of an image file, upright and at its full bit depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from sam2long.errors import VideoError

Values = npt.NDArray[Any]

EXIF_ORIENTATION = 0x0112
UPRIGHT = 1
TURNS: dict[int, Callable[[Values], Values]] = {
    2: lambda values: values[:, ::-1],
    3: lambda values: values[::-1, ::-1],
    4: lambda values: values[::-1],
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: np.rot90(values, -1),
    7: lambda values: values[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
TIFF_BITS = 258


@dataclass(frozen=True)
class StoredPicture:
    """A picture before conversion to 8 bits.

    Attributes:
        values: RGB [height, width, 3], or grey [height, width] if not uint8; any numeric type.
        white: largest value that the format allows; None if there is none (32-bit integers, floats).
    """

    values: Values
    white: float | None

    @property
    def deep(self) -> bool:
        """Whether the picture has more than 8 bits."""
        return bool(self.values.dtype != np.uint8)


@contextmanager
def image_errors(file: Path) -> Iterator[None]:
    """Turn any exception into a VideoError that names the file; Pillow raises almost anything on damaged files."""
    try:
        yield
    except VideoError:
        raise
    except Exception as error:
        raise VideoError(f"the image {file} cannot be read: {error}") from error


def read_picture(file: Path) -> StoredPicture:
    """Read the first picture of an image file; raises VideoError naming the file."""
    with image_errors(file), Image.open(file) as image:
        return stored_picture(image, file, 0)


def stored_picture(image: Image.Image, file: Path, page: int) -> StoredPicture:
    """Read page number `page` of an image file; `image` is open in Pillow and positioned at that page."""
    turn = TURNS.get(_orientation(image), np.asarray)
    white = _white(image)
    if _is_deep_colour(image):
        image.load()  # OpenCV silently accepts truncated files
        values = _read_with_opencv(file, page)
    elif image.mode[0] in "IF":
        values = np.asarray(image)
    else:
        values = np.array(image.convert("RGB"))
    return StoredPicture(np.ascontiguousarray(turn(values)), white)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8, read from the header without loading the image."""
    if image.format == "PNG" and "exif" not in image.info:
        return UPRIGHT  # getexif would decode the whole image to look for a chunk after the pixels
    return int(image.getexif().get(EXIF_ORIENTATION, UPRIGHT))


def _is_deep_colour(image: Image.Image) -> bool:
    """Whether Pillow would return only the upper 8 of 16 bits, as it has no mode for deep colour."""
    stored = [str(tile[3]) for tile in getattr(image, "tile", ())]
    return image.mode in ("RGB", "RGBA", "RGBX", "LA") and any(";16" in mode for mode in stored)


def _white(image: Image.Image) -> float | None:
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        return None
    if image.format == "TIFF" and image.mode.startswith("I;"):
        return float((1 << image.tag_v2.get(TIFF_BITS, (16,))[0]) - 1)  # type: ignore[attr-defined]
    return 65535.0


def _read_with_opencv(file: Path, page: int) -> Values:
    """Read an image of 16 bits per channel, as RGB or grey without transparency."""
    import cv2

    read, pictures = cv2.imreadmulti(str(file), page, 1, flags=cv2.IMREAD_UNCHANGED)
    if not read:
        raise VideoError(f"the image {file} cannot be read: OpenCV does not support this kind of 16-bit colour")
    values: Values = pictures[0]
    return values if values.ndim == 2 else values[:, :, 2::-1]
