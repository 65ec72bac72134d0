"""Writes the frames that have results as images, for formats whose readers expect them beside the annotations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image

from sam2long.errors import VideoError
from sam2long.results.writers.whole import whole
from sam2long.video.source import Frame, VideoSource

QUALITY = 95  # of JPEG, 1 to 95 in Pillow's scale
LONGEST_SIDE = 65500  # in pixels; JPEG holds no more


class FrameImages:
    """JPEGs named `<frame>.jpg`, or after the images of a folder, as the mask PNGs are.

    Frames are decoded a second time, in step with the results. Those of results that come out of order (tracking
    backwards) are written by `finish`.
    """

    def __init__(self, folder: Path, source: VideoSource) -> None:
        self._folder = folder
        self._source = source
        self._frames: Iterator[Frame] | None = None
        self._last = -1

    def name(self, number: int) -> str:
        """Return the file name of a frame's image."""
        return f"{self._source.frame_name(number)}.jpg"

    def add(self, number: int) -> None:
        """Write one frame; raises OSError, or VideoError if the frame cannot be decoded again."""
        if number <= self._last:
            return
        self._last = number
        if self._frames is None:
            self._frames = self._source.frames(number)
        frame = next((frame for frame in self._frames if frame.index >= number), None)
        if frame is None or frame.index > number:
            raise VideoError(f"frame {number} of {self._source.name} could not be decoded again for its image")
        with whole(self._folder / self.name(number)) as path:
            Image.fromarray(frame.image).save(path, quality=QUALITY)

    def finish(self, numbers: Iterable[int]) -> None:
        """Write the images that are still missing, given all frames in increasing order; raises as `add` does."""
        self._frames, self._last = None, -1
        for number in numbers:
            if not (self._folder / self.name(number)).exists():
                self.add(number)
