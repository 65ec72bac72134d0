"""Frames as images: any frame, in any order, in bounded memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path
from threading import Lock

from sam2long.studio.decoding import Line, Urgency
from sam2long.studio.image import Image, encode, shrink
from sam2long.studio.proxies import Proxies
from sam2long.video import Frame, VideoSource

CACHE_BYTES = 96 * 2**20
"""Maximum size of the encoded images that are kept."""
_NEAR = 12
"""Frames after the shown one that are decoded in one go with it."""


class FrameImages:
    """Images of the frames of a video.

    One thread decodes frames that are shown, and those that follow them; another one those wanted in advance elsewhere,
    which rests while the first one works. A third one makes proxies while nobody works.

    Args:
        source: the video.
        folder: for the proxies.
    """

    def __init__(self, source: VideoSource, folder: Path) -> None:
        self._cache = _Cache(CACHE_BYTES)
        self._near = Line(source)
        self._far = Line(source, after=self._near)
        self._proxies = Proxies(source, self._near.calm, folder)
        self._shown = 0

    async def get(self, frame: int, width: int, urgency: Urgency, quick: bool = False) -> Image:
        """The image of a frame, at most `width` pixels wide. Cancelled, it is not decoded for this.

        With `quick` it is the frame's proxy, if there is one and the frame itself would take long.

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
        if urgency is Urgency.LATER or (quick and not self._near.at_hand(frame)):
            proxy = self._proxies.get(frame)
            if proxy is not None:
                return proxy if quick else await asyncio.to_thread(shrink, proxy, width)
        near = urgency is Urgency.NOW or (urgency is Urgency.SOON and 0 <= frame - self._shown <= _NEAR)
        decoded = (self._near if near else self._far).ask(frame, urgency)
        image = await asyncio.to_thread(encode, await asyncio.wrap_future(decoded), width)
        self._cache.put((frame, width), image)
        return image

    def decoded(self, frame: int) -> Future[Frame]:
        """A frame as it is in the video, decoded once for this and for its image.

        The future raises VideoError or BusyError as `get`.
        """
        return self._near.ask(frame, Urgency.NOW)

    def rest(self) -> None:
        """Make no proxies for a second, since the processor is needed."""
        self._proxies.rest()

    def close(self) -> None:
        """End the threads."""
        self._near.close()
        self._far.close()
        self._proxies.close()


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
