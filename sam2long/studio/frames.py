"""Frames as images: any frame, in any order, in bounded memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Condition, Lock, Thread

import cv2
import numpy as np

from sam2long.errors import VideoError
from sam2long.studio.masks import display_size
from sam2long.video import Frame, VideoSource

CACHE_BYTES = 96 * 2**20
"""Maximum size of the encoded images that are kept."""
_QUALITY = 88
_MOST_WAITING = 48
"""Maximum number of requests that wait in a line; more are refused, the longest waiting first."""
_REACH = 24
"""Frames that are skipped, rather than sought, to reach one that lies a little ahead."""
_STEP_BACK = 8
"""Frames that are decoded and kept before one that lies just before the last, since the next ones will be wanted."""


@dataclass(frozen=True)
class Image:
    """A frame as a JPEG file.

    Attributes:
        data: the file.
        time: presentation time in seconds.
    """

    data: bytes
    time: float


class BusyError(Exception):
    """So many newer requests came that this one was dropped."""


class FrameImages:
    """Images of the frames of a video. Frames that are shown and those wanted in advance have a thread each."""

    def __init__(self, source: VideoSource) -> None:
        self._cache = _Cache(CACHE_BYTES)
        self._lines = [_Line(source, self._cache, newest_first) for newest_first in (True, False)]

    async def get(self, frame: int, width: int, ahead: bool) -> Image:
        """The image of a frame, at most `width` pixels wide.

        Raises:
            VideoError: the frame cannot be read.
            BusyError: newer requests took its place.
        """
        known = self._cache.get((frame, width))
        if known is not None:
            return known
        return await asyncio.wrap_future(self._lines[ahead].ask(frame, width))

    def close(self) -> None:
        """End the threads."""
        for line in self._lines:
            line.close()


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


class _Line:
    """A thread that decodes what is asked of it: the newest request first, or the oldest."""

    def __init__(self, source: VideoSource, cache: _Cache, newest_first: bool) -> None:
        self._source, self._cache, self._newest_first = source, cache, newest_first
        self._waiting: OrderedDict[tuple[int, int], Future[Image]] = OrderedDict()
        self._changed = Condition()
        self._closed = False
        self._pass: Generator[Frame, None, None] | None = None
        self._next = 0  # number of the frame that the pass yields next
        self._last = 0  # number of the frame that was asked for last
        Thread(target=self._run, name="frame-images", daemon=True).start()

    def ask(self, frame: int, width: int) -> Future[Image]:
        with self._changed:
            future = self._waiting.setdefault((frame, width), Future())
            self._waiting.move_to_end((frame, width))
            if len(self._waiting) > _MOST_WAITING:
                _, dropped = self._waiting.popitem(last=False)
                dropped.set_exception(BusyError())
            self._changed.notify()
        return future

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    break
                (frame, width), future = self._waiting.popitem(last=self._newest_first)
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._cache.get((frame, width)) or self._read(frame, width))
            except Exception as error:  # of any kind; raised where the image is awaited
                self._pass = None
                future.set_exception(error)
        if self._pass is not None:
            self._pass.close()

    def _read(self, wanted: int, width: int) -> Image:
        back = 0 < self._last - wanted <= _STEP_BACK
        self._last = wanted
        if self._pass is None or not self._next <= wanted < self._next + _REACH:
            if self._pass is not None:
                self._pass.close()
            self._next = max(0, wanted - _STEP_BACK) if back else wanted
            self._pass = _closable(self._source.frames(self._next))
        for frame in self._pass:
            self._next = frame.index + 1
            if frame.index == wanted or back:
                image = _encode(frame, width)
                self._cache.put((frame.index, width), image)
            if frame.index == wanted:
                return image
        raise VideoError(self._source.stopped_early or f"frame {wanted} of {self._source.name} cannot be read")


def _closable(frames: Iterator[Frame]) -> Generator[Frame, None, None]:
    yield from frames


def _encode(frame: Frame, width: int) -> Image:
    height, full = frame.image.shape[:2]
    size = display_size(width, full, height)
    image = frame.image if size == (full, height) else cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return Image(data.tobytes(), frame.time)
