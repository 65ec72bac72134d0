"""Proxies: a small image of every frame, made while nobody works, so that any frame can be shown at once."""

from __future__ import annotations

import shutil
import tempfile
import time
from array import array
from pathlib import Path
from threading import Condition, Event, Lock, Thread

from sam2long.errors import VideoError
from sam2long.studio.image import Image, encode
from sam2long.video import Frame, VideoSource

WIDTH = 640
"""Most pixels across a proxy."""
_QUALITY = 75
_MOST_BYTES = 2 * 2**30
_SHARE_OF_DISK = 0.1
"""Most room on disk: so many bytes, and this share of what is free."""
_REST = 1.0
"""Seconds without work after which proxies are made."""
_LAST_FRAME = 5.0
"""Most seconds to wait at the end for a frame that is being read."""


class Proxies:
    """Reads the video once from end to end, in a thread, and keeps small images in a temporary file.

    A frame that is asked for is decoded from the key frame before it, which takes a second where key frames lie ten
    seconds apart. Its proxy takes no time, and is shown until the frame itself comes.

    Args:
        source: the video.
        calm: set while no frame is being decoded for the page.
        folder: where the file lies, without a name, so that it is gone however the process ends. Not the folder for
            temporary files, which is in memory on many machines.
    """

    def __init__(self, source: VideoSource, calm: Event, folder: Path) -> None:
        self._source, self._calm = source, calm
        self._offsets, self._times = array("Q", [0]), array("d")  # of frame n, and of the end of the last one
        self._lock = Lock()
        self._closed = False
        self._changed = Condition()
        self._quiet_from = time.monotonic() + _REST
        self._file = tempfile.TemporaryFile("w+b", dir=folder)  # noqa: SIM115 - closed in close()
        self._room = min(_MOST_BYTES, int(_SHARE_OF_DISK * shutil.disk_usage(folder).free))
        self._thread = Thread(target=self._run, name="proxies", daemon=True)
        self._thread.start()

    def rest(self) -> None:
        """Leave the processor to others for a second, since somebody works."""
        self._quiet_from = time.monotonic() + _REST

    def get(self, frame: int) -> Image | None:
        """The proxy of a frame, if it has been made."""
        with self._lock:
            if frame >= len(self._times) or self._file.closed:
                return None
            start, end = self._offsets[frame], self._offsets[frame + 1]
            self._file.seek(start)
            return Image(self._file.read(end - start), self._times[frame], proxy=True)

    def close(self) -> None:
        """End the thread, and give the room back."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(_LAST_FRAME)
        with self._lock:
            self._file.close()

    def _run(self) -> None:
        try:
            self._wait_for_quiet()
            for frame in () if self._closed else self._source.frames():
                if self._closed or frame.index != len(self._times) or not self._add(frame):
                    return
                self._wait_for_quiet()
        except (VideoError, OSError):  # those that are made are good; the page tells of frames that cannot be read
            return

    def _wait_for_quiet(self) -> None:
        while not self._closed:
            self._calm.wait()
            pause = self._quiet_from - time.monotonic()
            if pause <= 0:
                return
            with self._changed:
                self._changed.wait_for(lambda: self._closed, pause)

    def _add(self, frame: Frame) -> bool:
        """Keep the proxy of the next frame. Returns whether there was room for it."""
        image = encode(frame, WIDTH, _QUALITY)
        with self._lock:
            start = self._offsets[-1]
            end = start + len(image.data)
            if end > self._room or self._file.closed:
                return False
            self._file.seek(start)
            self._file.write(image.data)
            self._offsets.append(end)
            self._times.append(image.time)
        return True
