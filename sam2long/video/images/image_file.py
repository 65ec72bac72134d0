"""One picture of an image file, as it is stored: upright, and with all the bits it has."""

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
    """A picture before its values are brought to 8 bits.

    Attributes:
        values: RGB [height, width, 3], or grey [height, width] where it is not uint8; any numeric type.
        white: the largest value that its format allows; None where there is none (32-bit integers, floats).
    """

    values: Values
    white: float | None

    @property
    def deep(self) -> bool:
        """Whether it has more than 8 bits."""
        return bool(self.values.dtype != np.uint8)


@contextmanager
def image_errors(file: Path) -> Iterator[None]:
    """Raise VideoError naming the file, whatever goes wrong: on damaged files, Pillow raises nearly anything."""
    try:
        yield
    except VideoError:
        raise
    except Exception as error:
        raise VideoError(f"the image {file} cannot be read: {error}") from error


def read_picture(file: Path) -> StoredPicture:
    """Read an image file's first picture; raises VideoError naming the file."""
    with image_errors(file), Image.open(file) as image:
        return stored_picture(image, file, 0)


def stored_picture(image: Image.Image, file: Path, page: int) -> StoredPicture:
    """Read page number `page` of an image file, which Pillow has opened as `image` and stands at."""
    turn = TURNS.get(_orientation(image), np.asarray)
    white = _white(image)
    if _is_deep_colour(image):
        image.load()  # OpenCV takes truncated files without a word
        values = _read_with_opencv(file, page)
    elif image.mode[0] in "IF":
        values = np.asarray(image)
    else:
        values = np.array(image.convert("RGB"))
    return StoredPicture(np.ascontiguousarray(turn(values)), white)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8, from the header of an image that is not loaded yet."""
    if image.format == "PNG" and "exif" not in image.info:
        return UPRIGHT  # getexif would decode all of it, in search of a chunk behind the pixels
    return int(image.getexif().get(EXIF_ORIENTATION, UPRIGHT))


def _is_deep_colour(image: Image.Image) -> bool:
    """Whether Pillow would give only the upper 8 of 16 bits: it has no mode for colours with more."""
    stored = [str(tile[3]) for tile in getattr(image, "tile", ())]
    return image.mode in ("RGB", "RGBA", "RGBX", "LA") and any(";16" in mode for mode in stored)


def _white(image: Image.Image) -> float | None:
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        return None
    if image.format == "TIFF" and image.mode.startswith("I;"):
        return float((1 << image.tag_v2.get(TIFF_BITS, (16,))[0]) - 1)  # type: ignore[attr-defined]
    return 65535.0


def _read_with_opencv(file: Path, page: int) -> Values:
    """Colours of 16 bits per channel, RGB without transparency."""
    import cv2

    read, pictures = cv2.imreadmulti(str(file), page, 1, flags=cv2.IMREAD_UNCHANGED)
    if not read:
        raise VideoError(f"the image {file} cannot be read: OpenCV does not know its form of 16 bits per colour")
    values: Values = pictures[0]
    return values if values.ndim == 2 else values[:, :, 2::-1]
