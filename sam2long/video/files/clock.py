"""When each frame is shown, also where the time stamps of a file start again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# FFmpeg's own limit; longer gaps are no pause in the recording, but another recording with another clock
LONGEST_GAP = 10.0


class Clock:
    """Turns the time stamps of consecutive frames into ticks that strictly increase, 0 at the first frame.

    Time stamps that fall (recordings that were joined) go on one frame interval after the frame before; so do those
    that are missing. With `jumps`, time stamps that leap ahead by more than LONGEST_GAP go on likewise.

    Args:
        tick: seconds.
        fps: average frames per second.
        jumps: whether the container is one whose time stamps may leap (MPEG streams, Ogg).
    """

    def __init__(self, tick: float, fps: float, *, jumps: bool) -> None:
        self._interval = max(1, round(1 / (fps * tick)))
        self._longest = round(LONGEST_GAP / tick) + self._interval if jumps else None
        self._offset = 0
        self._last: int | None = None

    def ticks(self, pts: int | None) -> int:
        """Return when the next frame, with this time stamp, is shown."""
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
        """Prepare for frame number `frame` of a file; `pts`: time stamps of all its frames, strictly increasing."""
        past = pts[: frame + 1]
        now = int(past[-1] - past[0])
        if self._longest is not None:
            gaps = np.diff(past)
            leaps = gaps[gaps > self._longest]
            now -= int(leaps.sum()) - len(leaps) * self._interval
        self._offset, self._last = now - int(past[-1]), now - 1
