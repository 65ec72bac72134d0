"""Presentation times of frames, even if the time stamps of a file start again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# FFmpeg's limit in seconds; a longer gap means another recording with another clock rather than a pause
LONGEST_GAP = 10.0


class Clock:
    """Converts the time stamps of consecutive frames to strictly increasing ticks, 0 at the first frame.

    A time stamp that decreases (joined recordings) or is missing is replaced by one frame interval after the previous
    frame. With `jumps`, so is a time stamp that leaps ahead by more than LONGEST_GAP.

    Args:
        tick: duration of a tick in seconds.
        fps: average frames per second.
        jumps: whether the time stamps of the container may leap (MPEG streams, Ogg).
    """

    def __init__(self, tick: float, fps: float, *, jumps: bool) -> None:
        self._interval = max(1, round(1 / (fps * tick)))
        self._longest = round(LONGEST_GAP / tick) + self._interval if jumps else None
        self._offset = 0
        self._last: int | None = None

    def ticks(self, pts: int | None) -> int:
        """Return the presentation time, in ticks, of the next frame, which has this time stamp."""
        if self._last is None:
            self._offset, self._last = -(pts or 0), 0
            return 0
        due = self._last + self._interval
        now = due if pts is None else pts + self._offset
        fallen = now <= self._last - self._interval
        if fallen or (self._longest is not None and now - self._last > self._longest):
            self._offset += due - now
            now = due
        self._last = max(now, self._last + 1)
        return self._last

    def go_to(self, pts: npt.NDArray[np.int64], frame: int) -> None:
        """Jump to frame number `frame`, which comes next; `pts`: strictly increasing time stamps of all frames."""
        past = pts[: frame + 1]
        now = int(past[-1] - past[0])
        if self._longest is not None:
            gaps = np.diff(past)
            leaps = gaps[gaps > self._longest]
            now -= int(leaps.sum()) - len(leaps) * self._interval
        self._offset, self._last = now - int(past[-1]), now - 1
