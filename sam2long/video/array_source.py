"""Frames from arrays in memory or from a live iterator."""

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
    """Frames of a uint8 array [frames, height, width, 3], grey [frames, height, width], or of a list of frames.

    Lazy arrays (zarr, HDF5, dask) are read one frame at a time. With `levels`, values may be of any numeric type.
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
        """Return frame number `index`; raises VideoError if it does not exist or differs in size."""
        self._check_exists(index)
        image = self._image(index)
        _check_size(image, index, self)
        return Frame(index, index / self.fps, image)

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Yield the frames of range(start, stop, step); raises VideoError for a frame that is not valid."""
        return (self.frame(index) for index in self._numbers(start, stop, step))

    def _image(self, index: int) -> npt.NDArray[np.uint8]:
        image = self._images[index]
        return as_rgb(np.asarray(image) if self._stacked else image, index, self._levels)


class IteratorSource(VideoSource):
    """Frames of a live iterator of uint8 [height, width, 3] arrays: a single forward pass, and no frame is kept.

    The first frame is read immediately, to know the size.
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
            raise VideoError("the iterator yields no frames")
        self.height, self.width = as_rgb(first, 0, levels).shape[:2]
        self._images: Iterator[npt.NDArray[Any]] | None = chain([first], iterator)

    @property
    def frame_count(self) -> None:
        """None: the length of an iterator is unknown."""
        return None

    def frame(self, index: int) -> Frame:
        """Not supported; raises VideoError."""
        raise VideoError(f"frame {index} cannot be read on its own; a live iterator allows only a single forward pass")

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Yield the frames of range(start, stop, step), once; raises VideoError for a second or backward pass."""
        if step < 1 or start < 0:
            raise VideoError("a live iterator of frames can only be read forward, from frame 0")
        if self._images is None:
            raise VideoError("a live iterator of frames can be read only once")
        images, self._images = self._images, None
        return self._pass(images, start, stop, step)

    def close(self) -> None:
        """Close the iterator, if it has `close` and no pass has started."""
        if self._images is not None and self._close is not None:
            self._close()

    def _pass(self, images: Iterator[npt.NDArray[Any]], start: int, stop: int | None, step: int) -> Iterator[Frame]:
        # check `stop` before requesting the next frame: a live source may never yield one
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
    """Return whether an object is an array of frames, in memory or lazy."""
    return all(hasattr(images, name) for name in ("shape", "dtype", "__len__", "__getitem__"))


def as_rgb(image: npt.NDArray[Any], index: int, levels: Levels | None = None) -> npt.NDArray[np.uint8]:
    """Convert an RGB or grey frame to uint8 [height, width, 3]; raises VideoError for anything else."""
    if not isinstance(image, np.ndarray):
        raise VideoError(f"frame {index} is a {type(image).__name__}; frames must be NumPy arrays")
    _check_dtype(image, f"frame {index}", levels)
    if levels is not None:
        image = levels.to_bytes(image)
    if image.ndim == 2:
        image = np.repeat(image[:, :, None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise VideoError(
            f"frame {index} has shape {list(image.shape)}; it must be [height, width, 3] or grey [height, width]"
        )
    return np.ascontiguousarray(image)


def _check_dtype(array: Any, what: str, levels: Levels | None) -> None:
    if array.dtype != np.uint8 and (levels is None or array.dtype.kind not in "buif"):
        raise VideoError(
            f"{what} has dtype {array.dtype}; frames must be uint8, 0 to 255. For other types pass open_video the"
            " levels=(low, high) of black and white"
        )


def _check_stack(images: Any, levels: Levels | None) -> None:
    _check_dtype(images, "the array", levels)
    dimensions = len(images.shape)
    grey_stack = dimensions == 3 and images.shape[2] not in (3, 4)
    if not grey_stack and (dimensions != 4 or images.shape[3] != 3):
        raise VideoError(
            f"the array has shape {list(images.shape)}; it must be [frames, height, width, 3] or grey [frames, height,"
            " width]. For a single image, pass image[None]"
        )


def _check_size(image: npt.NDArray[np.uint8], index: int, source: VideoSource) -> None:
    if image.shape[:2] != (source.height, source.width):
        raise VideoError(
            f"frame {index} is {image.shape[1]}x{image.shape[0]} pixels, but the first frame is"
            f" {source.width}x{source.height}; all frames must have the same size"
        )
