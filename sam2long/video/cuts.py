"""Detects scene cuts on the fly: frames that resemble none of those just before, in colours or in structure."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
import numpy.typing as npt

_WIDTH, _HEIGHT, _BINS = 64, 36, 8
"""Size of the small frames, and bins of each channel of a colour histogram."""
_BEFORE, _SCORES = 3, 8
"""Number of frames before that a frame is compared with, and of scores that tell what is usual."""
FRAMES_COMPARED = _BEFORE + _SCORES
"""Number of frames before a frame that can decide whether it is a cut."""
LEAST, _TIMES = 0.35, 2.5
"""A cut has at least this score (0..1), and this many times the mean score of the frames before."""
_FLAT = 4.0
"""Standard deviation of grey values below which a frame is black, white or blank, and shows no scene."""
_WHITE, _MORE_WHITE, _FLASH = 250, 0.25, 3
"""A share of white pixels (grey values from `_WHITE`) that much larger than before is a flash, for that many frames."""


class CutDetector:
    """Tells, frame by frame, whether a new scene begins.

    The score of a frame is its distance from the most similar of the three frames before: the smaller one of two.

    - In colours: the share of pixels that have another colour, wherever they are; so a fast pan is no cut.
    - In structure: the share of the grey values' variance that the values at the same places before do not explain (1
      minus the correlation ratio); so a fade or a flash is no cut, and the frame after it resembles those before.

    Blank frames, and up to three that are suddenly white, are skipped. What is usual in a restless video is no cut.
    """

    def __init__(self) -> None:
        self._before: deque[tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]] = deque(maxlen=_BEFORE)
        self._scores: deque[float] = deque(maxlen=_SCORES)
        self._white: float | None = None  # share of white pixels in the latest frame that was no flash
        self._flashing = 0

    def is_cut(self, image: npt.NDArray[np.uint8]) -> bool:
        """Whether a scene begins with this frame, uint8 [height, width, 3]; frames come in the order of the visit."""
        score, usual = self.score(image), sum(self._scores) / max(1, len(self._scores))
        if score is None:
            return False
        cut = score > max(LEAST, _TIMES * usual)
        if cut:
            self._scores.clear()
        else:
            self._scores.append(score)
        return cut

    def score(self, image: npt.NDArray[np.uint8]) -> float | None:
        """Distance (0..1) to the frames before, which this one then joins; None for the first and skipped ones."""
        coarse = image[:: max(1, image.shape[0] // 144), :: max(1, image.shape[1] // 256)]
        small = cv2.resize(coarse, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        if grey.std() < _FLAT or self._is_flash(float((grey >= _WHITE).mean())):
            return None
        bins = (small >> 5).astype(np.int32) @ np.array([_BINS**2, _BINS, 1])
        colours = np.bincount(bins.ravel(), minlength=_BINS**3).astype(np.float32) / bins.size
        distances = [
            min(0.5 * float(np.abs(colours - before).sum()), _unexplained(grey, explaining))
            for before, explaining in self._before
        ]
        self._before.append((colours, (grey.ravel() / 8).astype(np.int32)))
        return min(distances, default=None)

    def _is_flash(self, white: float) -> bool:
        if self._white is not None and white > self._white + _MORE_WHITE and self._flashing < _FLASH:
            self._flashing += 1
            return True
        self._white, self._flashing = white, 0
        return False


def _unexplained(grey: npt.NDArray[np.float32], explaining: npt.NDArray[np.int32]) -> float:
    """Share (0..1) of the variance of grey values that remains within classes, int32 [pixels]."""
    counts = np.bincount(explaining)
    sums = np.bincount(explaining, grey.ravel())
    between = (sums**2 / counts.clip(min=1)).sum() / grey.size - float(grey.mean()) ** 2
    return 1 - float(between) / max(float(grey.var()), 1e-6)
