"""Frames as images: any frame, in any order, in bounded memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock

import cv2

from sam2long.studio.decoding import Line, Urgency
from sam2long.studio.masks import display_size
from sam2long.video import Frame, VideoSource

CACHE_BYTES = 96 * 2**20
"""Maximum size of the encoded images that are kept."""
_QUALITY = 88
_NEAR = 12
"""Frames after the shown one that are decoded in one go with it."""


@dataclass(frozen=True)
class Image:
    """A frame as a JPEG file.

    Attributes:
        data: the file.
        time: presentation time in seconds.
    """

    data: bytes
    time: float


class FrameImages:
    """Images of the frames of a video.

    One thread decodes frames that are shown, and those that follow them; another one those wanted in advance elsewhere,
    which rests while the first one works.
    """

    def __init__(self, source: VideoSource) -> None:
        self._cache = _Cache(CACHE_BYTES)
        self._near = Line(source)
        self._far = Line(source, after=self._near)
        self._shown = 0

    async def get(self, frame: int, width: int, urgency: Urgency) -> Image:
        """The image of a frame, at most `width` pixels wide. Cancelled, it is not decoded for this.

        Raises:
            VideoError: the frame cannot be read.
            BusyError: newer requests took its place.
        """
        known = self._cache.get((frame, width))
        if known is not None:
            return known
        if urgency is Urgency.NOW:
            self._shown = frame
            self._far.drop_others(frame, _NEAR)
        near = urgency is Urgency.NOW or (urgency is Urgency.SOON and 0 <= frame - self._shown <= _NEAR)
        decoded = (self._near if near else self._far).ask(frame, urgency)
        image = await asyncio.to_thread(_encode, await asyncio.wrap_future(decoded), width)
        self._cache.put((frame, width), image)
        return image

    def decoded(self, frame: int) -> Future[Frame]:
        """A frame as it is in the video, decoded once for this and for its image.

        The future raises VideoError or BusyError as `get`.
        """
        return self._near.ask(frame, Urgency.NOW)

    def close(self) -> None:
        """End the threads."""
        self._near.close()
        self._far.close()


class _Cache:
    """Encoded images by frame and width; the least recently used are dropped first."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._images: OrderedDict[tuple[int, int], Image] = OrderedDict()
        self._total = 0
        self._lock = Lock()

    def get(self, key: tuple[int, int]) -> Image | None:
        with self._lock:
            if key in self._images:
                self._images.move_to_end(key)
            return self._images.get(key)

    def put(self, key: tuple[int, int], image: Image) -> None:
        with self._lock:
            old = self._images.pop(key, None)
            self._images[key] = image
            self._total += len(image.data) - (len(old.data) if old else 0)
            while self._total > self._budget:
                self._total -= len(self._images.popitem(last=False)[1].data)


def _encode(frame: Frame, width: int) -> Image:
    height, full = frame.image.shape[:2]
    size = display_size(width, full, height)
    image = frame.image
    if size != (full, height):
        # Averaging areas is slow, and shows only where pixels would be passed over.
        way = cv2.INTER_AREA if 2 * size[0] < full else cv2.INTER_LINEAR
        image = cv2.resize(image, size, interpolation=way)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return Image(data.tobytes(), frame.time)
