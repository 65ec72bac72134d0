"""A frame as a JPEG file."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sam2long.studio.masks import display_size
from sam2long.video import Frame

QUALITY = 88


@dataclass(frozen=True)
class Image:
    """A frame as a JPEG file.

    Attributes:
        data: the file.
        time: presentation time in seconds.
        proxy: whether it is a proxy, smaller than what was asked for.
    """

    data: bytes
    time: float
    proxy: bool = False


def encode(frame: Frame, width: int, quality: int = QUALITY) -> Image:
    """A frame as JPEG, at most `width` pixels wide."""
    height, full = frame.image.shape[:2]
    size = display_size(width, full, height)
    image = frame.image
    if size != (full, height):
        # Averaging areas is slow, and shows only where pixels would be passed over.
        way = cv2.INTER_AREA if 2 * size[0] < full else cv2.INTER_LINEAR
        image = cv2.resize(image, size, interpolation=way)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return Image(data.tobytes(), frame.time)


def shrink(image: Image, width: int) -> Image:
    """A JPEG again, at most `width` pixels wide."""
    picture = cv2.imdecode(np.frombuffer(image.data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return encode(Frame(0, image.time, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)), width)
