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
LEAST, _TIMES = 0.5, 2.5
"""A cut has at least this score (0..1), and this many times the mean score of the frames before."""
_FLAT = 4.0
"""Standard deviation of grey values below which a frame is black, white or blank, and shows no scene."""


class CutDetector:
    """Tells, frame by frame, whether a new scene begins.

    The score of a frame is its distance from the most similar of the three frames before: the smaller one of two. In
    colours, the share of pixels that have another colour, wherever they are; so a fast pan is no cut. In structure, 1
    minus the correlation of the small frames, brightness and contrast removed; so a flash is no cut, and the frame
    after it resembles those before. A blank frame is skipped. What is usual in a restless video is no cut either.
    """

    def __init__(self) -> None:
        self._before: deque[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = deque(maxlen=_BEFORE)
        self._scores: deque[float] = deque(maxlen=_SCORES)

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
        """Distance (0..1) to the frames before, which this one then joins; None for the first and for blank frames."""
        coarse = image[:: max(1, image.shape[0] // 144), :: max(1, image.shape[1] // 256)]
        small = cv2.resize(coarse, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        if grey.std() < _FLAT:
            return None
        structure = (grey - grey.mean()) / grey.std()
        bins = (small >> 5).astype(np.int32) @ np.array([_BINS**2, _BINS, 1])
        colours = np.bincount(bins.ravel(), minlength=_BINS**3).astype(np.float32) / bins.size
        distances = [
            min(0.5 * float(np.abs(colours - before).sum()), 1 - float((structure * alike).mean()))
            for before, alike in self._before
        ]
        self._before.append((colours, structure))
        return min(distances, default=None)
