"""Frames that are in memory already, or that a program hands over one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from sam2long.errors import VideoError
from sam2long.video.pixels.levels import Levels
from sam2long.video.source import Frame, VideoSource


class ArraySource(VideoSource):
    """Frames of an array uint8 [frames, height, width, 3], grey [frames, height, width], or of a list of frames.

    Arrays that are read when they are sliced (zarr, HDF5, dask) give one frame at a time. With `levels`, their values
    may be of any numeric type.
    """

    def __init__(self, images: Any, *, fps: float, levels: Levels | None = None) -> None:
        self._images, self._levels = images, levels
        self._stacked = is_stack(images)
        self.name = "array"
        self.fps = fps
        if self._stacked:
            _check_stack(images, levels)
        if len(images) == 0:
            raise VideoError("the array has no frames")
        self.height, self.width = self._image(0).shape[:2]

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return len(self._images)

    def frame(self, index: int) -> Frame:
        """Return frame number `index`; raises VideoError if it does not exist or has another size."""
        self._check_exists(index)
        image = self._image(index)
        _check_size(image, index, self)
        return Frame(index, index / self.fps, image)

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Yield the frames of range(start, stop, step); raises VideoError where one is no frame."""
        return (self.frame(index) for index in self._numbers(start, stop, step))

    def _image(self, index: int) -> npt.NDArray[np.uint8]:
        image = self._images[index]
        return as_rgb(np.asarray(image) if self._stacked else image, index, self._levels)


class IteratorSource(VideoSource):
    """Frames of a live iterator of uint8 [height, width, 3] arrays: one forward pass, no frame is kept.

    The first frame is taken at once, to learn the size.
    """

    seekable = False

    def __init__(self, images: Iterable[npt.NDArray[Any]], *, fps: float, levels: Levels | None = None) -> None:
        self.name = "frames"
        self._levels = levels
        self.fps = fps
        iterator = iter(images)
        self._close: Callable[[], None] | None = getattr(iterator, "close", None)
        first = next(iterator, None)
        if first is None:
            raise VideoError("the iterator gave no frames")
        self.height, self.width = as_rgb(first, 0, levels).shape[:2]
        self._images: Iterator[npt.NDArray[Any]] | None = chain([first], iterator)

    @property
    def frame_count(self) -> None:
        """Not known before the iterator ends."""
        return None

    def frame(self, index: int) -> Frame:
        """Not possible; raises VideoError."""
        raise VideoError(f"frame {index} cannot be picked out of a live iterator; it allows one forward pass")

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Yield the frames of range(start, stop, step), once; raises VideoError for a second or a backward pass."""
        if step < 1 or start < 0:
            raise VideoError("a live iterator of frames can only be read forward, from frame 0 on")
        if self._images is None:
            raise VideoError("a live iterator of frames can be read only once")
        images, self._images = self._images, None
        return self._pass(images, start, stop, step)

    def close(self) -> None:
        """Close the iterator, if it can be closed and no pass has taken it."""
        if self._images is not None and self._close is not None:
            self._close()

    def _pass(self, images: Iterator[npt.NDArray[Any]], start: int, stop: int | None, step: int) -> Iterator[Frame]:
        # the stop comes before the next frame is asked for: a live source may never give one
        index = 0
        while stop is None or index < stop:
            image = next(images, None)
            if image is None:
                return
            if index >= start and (index - start) % step == 0:
                rgb = as_rgb(image, index, self._levels)
                _check_size(rgb, index, self)
                yield Frame(index, index / self.fps, rgb)
            index += 1


def is_stack(images: object) -> bool:
    """Whether something is an array of frames, in memory or read as it is sliced."""
    return all(hasattr(images, name) for name in ("shape", "dtype", "__len__", "__getitem__"))


def as_rgb(image: npt.NDArray[Any], index: int, levels: Levels | None = None) -> npt.NDArray[np.uint8]:
    """Return uint8 [height, width, 3] from an RGB or grey frame; raises VideoError for anything else."""
    if not isinstance(image, np.ndarray):
        raise VideoError(f"frame {index} is a {type(image).__name__}; frames must be NumPy arrays")
    _check_dtype(image, f"frame {index}", levels)
    if levels is not None:
        image = levels.to_bytes(image)
    if image.ndim == 2:
        image = np.repeat(image[:, :, None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise VideoError(f"frame {index} has shape {list(image.shape)}; it must be [height, width, 3], or grey")
    return np.ascontiguousarray(image)


def _check_dtype(array: Any, what: str, levels: Levels | None) -> None:
    if array.dtype != np.uint8 and (levels is None or array.dtype.kind not in "buif"):
        raise VideoError(
            f"{what} has dtype {array.dtype}; frames must be uint8, 0 to 255, or open_video must know the levels=(low,"
            " high) of black and white"
        )


def _check_stack(images: Any, levels: Levels | None) -> None:
    _check_dtype(images, "the array", levels)
    dimensions = len(images.shape)
    grey_stack = dimensions == 3 and images.shape[2] not in (3, 4)
    if not grey_stack and (dimensions != 4 or images.shape[3] != 3):
        raise VideoError(
            f"the array has shape {list(images.shape)}; it must be [frames, height, width, 3], or grey [frames, height,"
            " width]. One image needs a first dimension: image[None]"
        )


def _check_size(image: npt.NDArray[np.uint8], index: int, source: VideoSource) -> None:
    if image.shape[:2] != (source.height, source.width):
        raise VideoError(
            f"frame {index} is {image.shape[1]}x{image.shape[0]} pixels, but the first frame is"
            f" {source.width}x{source.height}; all frames must have one size"
        )
