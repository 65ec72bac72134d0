"""Times of the frames of a live source, which go on when it is lost and comes back."""

from __future__ import annotations

from sam2long.video.files.clock import Clock
from sam2long.video.live.connection import Connection


class Timeline:
    """Converts time stamps to seconds since the first frame.

    A new connection goes on where the last one ended, plus the time in between. Within a connection the time stamps
    count; where there are none, the time of arrival does, or the frame rate if the source waits for the tracker.

    Args:
        by_arrival: whether frames without time stamps are timed by their arrival.

    Attributes:
        base: time in seconds of the first frame of this connection.
    """

    def __init__(self, *, by_arrival: bool) -> None:
        self.base = 0.0
        self._by_arrival = by_arrival
        self._last: tuple[float, float] | None = None  # time, and moment of arrival, of the latest frame
        self._interval = 0.0

    def begin(self, connection: Connection, now: float) -> None:
        """Begin a connection, whose first packet arrives at the moment `now` in seconds."""
        if self._last is not None:
            time, arrived = self._last
            self.base = time + max(self._interval, now - arrived)
        self._interval = 1 / connection.fps
        self._tick, self._timed = connection.tick, connection.timed
        self._clock = Clock(connection.tick, connection.fps, jumps=connection.leaps)
        self._began: float | None = None
        self._count = 0

    def time(self, pts: int | None, now: float) -> float:
        """Return the time in seconds of the next frame, which has this time stamp and arrives at the moment `now`."""
        self._began = now if self._began is None else self._began
        if self._timed:
            time = self.base + self._clock.ticks(pts) * self._tick
        elif self._by_arrival:
            time = self.base + now - self._began
        else:
            time = self.base + self._count * self._interval
        self._count += 1
        self._last = time, now
        return time
