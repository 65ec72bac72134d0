"""Converts pictures of any bit depth to 8 bits, all pictures of a source in the same way."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from threading import Lock

import numpy as np
import numpy.typing as npt

from sam2long.video.images.image_file import StoredPicture
from sam2long.video.pixels.levels import Levels, describe, levels_of


class DepthReducer:
    """Converts the pictures of one source to uint8 RGB; thread-safe.

    Levels are chosen at the first picture of more than 8 bits, with a warning if they differ from the range of its
    format.

    Args:
        name: name of the source, for the warning.
        levels: values of black and white, if chosen by the user; they also apply to pictures of 8 bits.
        samples: returns some pictures of the source.
    """

    def __init__(self, name: str, levels: Levels | None, samples: Callable[[], Iterable[StoredPicture]]) -> None:
        self._name = name
        self._given, self._by_content = levels, levels
        self._samples = samples
        self._chosen = False
        self._lock = Lock()

    def to_rgb(self, picture: StoredPicture) -> npt.NDArray[np.uint8]:
        """Convert to contiguous uint8 [height, width, 3]."""
        levels = self._levels_for(picture) if picture.deep else self._given
        image = picture.values if levels is None else levels.to_bytes(picture.values)
        return np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image

    def _levels_for(self, picture: StoredPicture) -> Levels:
        if self._given is not None:
            return self._given
        with self._lock:
            if not self._chosen:
                deep = [sample.values for sample in (picture, *self._samples()) if sample.deep]
                self._by_content = levels_of(deep, picture.white)
                self._chosen = True
                if self._by_content is not None:
                    warnings.warn(describe(self._by_content, self._name), stacklevel=5)
        return self._by_content or Levels(0, picture.white or 65535)
