"""A thread that decodes the frames that are asked of it, the most urgent first, in as few passes as it can."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from enum import IntEnum
from threading import Condition, Event, Thread

from sam2long.errors import VideoError
from sam2long.video import Frame, VideoSource

_RECENT_BYTES = 64 * 2**20
"""Maximum size of the decoded frames that are kept, since they may be asked for again, as when stepping back."""
_MOST_WAITING = 48
_MOST_URGENT = 4
"""Maximum number of frames that wait, and of those wanted at once; the longest waiting are dropped first."""
_REACH = 24
"""Frames that are skipped, rather than sought, to reach one that lies a little ahead."""
_NEXT = 6
"""Frames that the pass decodes in a moment."""
_STEP_BACK = 8
"""Frames decoded before one that lies just before the last one, since these will be wanted next."""


class BusyError(Exception):
    """So many newer requests came that this one was dropped."""


class Urgency(IntEnum):
    """When a frame is wanted: somebody is waiting for it, may soon want it, or it is a thumbnail."""

    NOW = 0
    SOON = 1
    LATER = 2


Wish = tuple[Urgency, "Future[Frame]"]


class Line:
    """A thread with one pass over the video.

    Args:
        source: the video.
        after: a line whose urgent work goes first: this one rests meanwhile, and keeps no frames.

    Attributes:
        calm: set while no urgent work waits or goes on.
    """

    def __init__(self, source: VideoSource, after: Line | None = None) -> None:
        self._source, self._after = source, after
        self._waiting: OrderedDict[int, list[Wish]] = OrderedDict()  # by frame; asked for last comes last
        self._recent: OrderedDict[int, Frame] = OrderedDict()
        self._most_recent = 0 if after else max(1, _RECENT_BYTES // (3 * source.width * source.height))
        self._changed = Condition()
        self._closed = False
        self.calm = Event()
        self.calm.set()
        self._pass: Generator[Frame, None, None] | None = None
        self._next = 0  # number of the frame that the pass yields next
        self._reading: int | None = None  # number of the frame that is on its way
        self._last = 0  # number of the urgent frame that was read last
        Thread(target=self._run, name="frames", daemon=True).start()

    def ask(self, frame: int, urgency: Urgency) -> Future[Frame]:
        """A frame, as soon as it is decoded. Cancelled in time, it is not."""
        future: Future[Frame] = Future()
        with self._changed:
            if frame in self._recent:
                self._recent.move_to_end(frame)
                future.set_result(self._recent[frame])
                return future
            self._waiting[frame] = [*self._waiting.pop(frame, ()), (urgency, future)]
            if urgency is Urgency.NOW:
                self.calm.clear()
            self._drop_surplus()
            self._changed.notify_all()
        return future

    def at_hand(self, frame: int) -> bool:
        """Whether a frame is decoded, or will be in a moment."""
        with self._changed:
            passing = self._pass is not None and self._next <= frame < self._next + _NEXT
            return passing or frame in self._recent or frame == self._reading

    def drop_others(self, frame: int, near: int) -> None:
        """Drop what may soon be wanted, except frames near the one that is shown now."""
        with self._changed:
            for other in list(self._waiting):
                if abs(other - frame) > near and self._urgency(other) is Urgency.SOON:
                    self._drop(other)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            for frame in list(self._waiting):
                self._drop(frame)
            self.calm.set()
            self._changed.notify_all()

    def _urgency(self, frame: int) -> Urgency:
        return min(urgency for urgency, _ in self._waiting[frame])

    def _drop(self, frame: int) -> None:
        _settle(self._waiting.pop(frame), BusyError())

    def _drop_surplus(self) -> None:
        urgent = [frame for frame in self._waiting if self._urgency(frame) is Urgency.NOW and frame != self._reading]
        for frame in urgent[:-_MOST_URGENT]:
            self._drop(frame)
        while len(self._waiting) > _MOST_WAITING:
            least = max(self._waiting, key=self._urgency)  # the first of these, so the longest waiting
            self._drop(least)

    def _run(self) -> None:
        while (frame := self._take()) is not None:
            if self._after is not None:
                self._after.calm.wait()
            try:
                self._read(frame)
            except Exception as error:  # of any kind; raised where the frame is awaited
                self._forget_pass()
                self._fail(frame, error)
        self._forget_pass()

    def _take(self) -> int | None:
        """Wait for the next frame to read; None at the end."""
        with self._changed:
            while not self._closed:
                self._reading = self._choose()
                if self._reading is not None:
                    return self._reading
                self._changed.wait()
        return None

    def _choose(self) -> int | None:
        """The most urgent frame: of those wanted at once the newest, of others the one reached first."""
        for frame, wishes in list(self._waiting.items()):
            if all(future.cancelled() for _, future in wishes):
                del self._waiting[frame]
        if not self._waiting:
            self.calm.set()
            return None
        urgency = min(self._urgency(frame) for frame in self._waiting)
        frames = [frame for frame in self._waiting if self._urgency(frame) is urgency]
        if urgency is Urgency.NOW:
            return frames[-1]
        self.calm.set()
        return min(frames, key=lambda frame: (not self._reaches(frame), frame))

    def _reaches(self, frame: int) -> bool:
        return self._pass is not None and self._next <= frame < self._next + _REACH

    def _read(self, wanted: int) -> None:
        """Decode up to a frame, unless something more urgent comes in between."""
        with self._changed:
            if wanted not in self._waiting:  # dropped meanwhile
                return
            urgent = self._urgency(wanted) is Urgency.NOW
        if not self._reaches(wanted):
            self._seek(max(0, wanted - self._frames_before(wanted)))
        if urgent:
            self._last = wanted
        if self._go_on_to(wanted, urgent):
            return
        # Frames before it may be those that cannot be read.
        self._seek(wanted)
        if self._go_on_to(wanted, urgent):
            return
        raise VideoError(self._source.stopped_early or f"frame {wanted} of {self._source.name} cannot be read")

    def _seek(self, frame: int) -> None:
        self._forget_pass()
        self._next = frame
        self._pass = _closable(self._source.frames(frame))

    def _go_on_to(self, wanted: int, urgent: bool) -> bool:
        """Read on up to a frame, or until something more urgent comes. Returns False if the pass ends before."""
        assert self._pass is not None
        for frame in self._pass:
            self._next = frame.index + 1
            self._deliver(frame)
            if frame.index >= wanted or self._closed:
                return True
            if self._after is not None:
                self._after.calm.wait()
            elif not urgent and not self.calm.is_set():
                return True
        return False

    def _frames_before(self, wanted: int) -> int:
        """Frames to decode before one that must be sought: one step back is likely, more after a step back."""
        if self._after is not None:
            return 0
        back = _STEP_BACK if 0 < self._last - wanted <= _STEP_BACK else 1
        return min(back, self._most_recent - 1)

    def _deliver(self, frame: Frame) -> None:
        with self._changed:
            if self._most_recent:
                self._recent[frame.index] = frame
                if len(self._recent) > self._most_recent:
                    self._recent.popitem(last=False)
            _settle(self._waiting.pop(frame.index, ()), frame)

    def _fail(self, frame: int, error: Exception) -> None:
        with self._changed:
            _settle(self._waiting.pop(frame, ()), error)

    def _forget_pass(self) -> None:
        if self._pass is not None:
            self._pass.close()
        self._pass = None


def _settle(wishes: list[Wish] | tuple[()], outcome: Frame | Exception) -> None:
    for _, future in wishes:
        if future.set_running_or_notify_cancel():
            if isinstance(outcome, Frame):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)


def _closable(frames: Iterator[Frame]) -> Generator[Frame, None, None]:
    yield from frames
