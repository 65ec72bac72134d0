"""Interface of all sources of frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from sam2long.errors import VideoError

DEFAULT_FPS = 24.0
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


@dataclass(frozen=True)
class Frame:
    """One decoded frame.

    Attributes:
        index: frame number among the decoded frames, from 0.
        time: presentation time in seconds, 0 for the first frame.
        image: uint8 [height, width, 3] RGB, upright.
    """

    index: int
    time: float
    image: npt.NDArray[np.uint8]


class VideoSource(ABC):
    """Frames of one video, decoded one at a time; a context manager that closes the source on exit.

    Several passes may run at the same time, also on different threads, if the source is `seekable`.

    Attributes:
        name: short name for messages and folders ("match.mp4" -> "match").
        path: file or folder the frames come from; None for arrays and iterators.
        height: height of the upright frames in pixels.
        width: width of the upright frames in pixels.
        fps: average frames per second; 24 by default for images and arrays.
        pixel_aspect: displayed width of a pixel divided by its height; frames and masks are in stored pixels.
        seekable: False for iterators and live sources, which allow a single forward pass.
        paced: whether frames arrive at a pace of their own, so that reading ahead would only make them older.
        stopped_early: where and why the last pass ended before the stated length of the video, or None.
    """

    name: str
    path: Path | None = None
    height: int
    width: int
    fps: float
    pixel_aspect: Fraction = Fraction(1)
    seekable: bool = True
    paced: bool = False
    stopped_early: str | None = None

    @property
    @abstractmethod
    def frame_count(self) -> int | None:
        """Number of frames; None if it is unknown in advance (an iterator)."""

    @abstractmethod
    def frame(self, index: int) -> Frame:
        """Return frame number `index`; raises VideoError if there is no such frame."""

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Yield the frames of range(start, stop, step).

        Args:
            start: first frame number; must exist.
            stop: end of the range, exclusive; None runs to the last frame, or to frame 0 if `step` is negative.
            step: distance between frames; negative to go backwards.

        A frame that cannot be read, or differs in size from the first, ends the pass; `stopped_early` then says which.

        Raises:
            VideoError: `start` does not exist.
        """
        return self._until_unreadable((index, partial(self.frame, index)) for index in self._numbers(start, stop, step))

    @property
    def repeatable(self) -> bool:
        """Whether `frames_again` can be called."""
        return self.seekable

    def frames_again(self, start: int = 0) -> Iterator[Frame]:
        """Yield the frames from `start` on, for a second pass in step with, or after, the first one."""
        return self.frames(start)

    def frame_name(self, index: int) -> str:
        """File name, without suffix, for output about frame `index`; frames of image folders keep their names."""
        return f"{index:05d}"

    def file_name(self, index: int) -> str:
        """File name of the image of frame `index`: its own name in image folders, the one used by CVAT for videos."""
        return f"frame_{index:06d}.jpg"

    def close(self) -> None:  # noqa: B027 (most sources hold no resources between passes)
        """Release the resources of the source; running passes are not affected."""

    def __enter__(self) -> VideoSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _until_unreadable(self, reads: Iterable[tuple[int, Callable[[], Frame]]]) -> Iterator[Frame]:
        """Yield the frame read by each (frame number, read function); ends at the first VideoError."""
        for number, read in reads:
            try:
                frame = read()
            except VideoError as error:
                self.stopped_early = f"{self.path or self.name} stopped at frame {number}: {error}"
                return
            yield frame

    def _numbers(self, start: int, stop: int | None, step: int) -> range:
        """Frame numbers of a pass over a source of known length."""
        self._check_exists(start)
        count = self.frame_count or 0
        if step > 0:
            return range(start, count if stop is None else min(stop, count), step)
        return range(start, -1 if stop is None else max(stop, -1), step)

    def _check_exists(self, index: int) -> None:
        count = self.frame_count
        if index < 0 or (count is not None and index >= count):
            have = "no frames" if not count else f"frames 0 to {count - 1}"
            raise VideoError(f"frame {index} does not exist: {self.name} has {have}")
