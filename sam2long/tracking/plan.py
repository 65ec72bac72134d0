"""The frames that a propagation visits, checked against the video before any work is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sam2long.errors import ConfigError, PromptError
from sam2long.tracking.prompting.prompts import whole_number
from sam2long.video import Frame, VideoSource


@dataclass(frozen=True)
class Plan:
    """The frames to visit.

    Attributes:
        start: first frame.
        end: last frame, inclusive; None for the end of the video in the direction of the visit.
        stride: step from one visited frame to the next; negative when going backward.
    """

    start: int
    end: int | None
    stride: int

    def visits(self, frame: int) -> bool:
        """Whether `frame` lies within the range and on the stride."""
        return self.covers(frame) and (frame - self.start) % self.stride == 0

    def covers(self, frame: int) -> bool:
        """Whether `frame` lies within the range."""
        if self.stride < 0:
            return (self.end or 0) <= frame <= self.start
        return self.start <= frame and (self.end is None or frame <= self.end)

    @property
    def sign(self) -> int:
        """1 when going forward, -1 backward."""
        return 1 if self.stride > 0 else -1

    def frames(self, source: VideoSource, prompted: Iterable[int], first: int) -> Iterator[Frame]:
        """Decode the frames to visit from `first` on: those on the stride, and prompted ones in between.

        A live source yields all frames, since any of them may be prompted before it is visited.
        """
        between = {frame for frame in prompted if self.covers(frame) and not self.visits(frame)}
        stop = None if self.end is None else self.end + self.sign
        stop = None if stop is not None and stop < 0 else stop
        if not source.seekable:
            yield from source.frames(first, stop, self.sign)
            return
        for frame in source.frames(first, stop, self.sign if between or not self.visits(first) else self.stride):
            if frame.index in between or self.visits(frame.index):
                yield frame

    def after(self, frame: int, prompted: Iterable[int], frame_count: int | None) -> int | None:
        """The frame to visit after `frame`, or None at the end."""
        steps = (frame - self.start) // self.stride + 1
        places = [self.start + steps * self.stride, *(other for other in prompted if (other - frame) * self.sign > 0)]
        nearest = min(places, key=lambda place: place * self.sign)
        inside = self.covers(nearest) and (frame_count is None or nearest < frame_count)
        return nearest if inside else None

    def first_from(self, frame: int, prompted: Iterable[int]) -> int:
        """The first frame to visit that is not before `frame` in the direction of the visit."""
        if (frame - self.start) * self.sign <= 0:
            return self.start
        place = self.after(frame - self.sign, prompted, None)
        return frame if place is None else place

    def count(self, frame_count: int | None) -> int | None:
        """Number of frames on the stride, or None if the length of the video is unknown."""
        if self.stride < 0:
            return (self.start - (self.end or 0)) // -self.stride + 1
        if self.end is None and frame_count is None:
            return None
        last = self.end if self.end is not None else (frame_count or 0) - 1
        return max(0, (last - self.start) // self.stride + 1)


def make_plan(
    source: VideoSource,
    prompted: Iterable[int],
    start: int | None,
    end: int | None,
    stride: int,
    reverse: bool,
    searched: bool = False,
) -> Plan:
    """Check a range and fill in defaults: from the first prompt to the end, or from the last prompt back to frame 0.

    With `searched`, objects are searched for by references: the whole video is the default.

    Raises:
        PromptError: there is no prompt, or a number is not a whole number.
        ConfigError: a frame does not exist, the stride is below 1, the end is never reached, or a live source is to be
            followed backward.
    """
    start, end = (None if value is None else whole_number(value, "a frame number") for value in (start, end))
    stride = whole_number(stride, "the stride")
    frames = sorted(prompted)
    if searched:
        frames = [0, *frames, (source.frame_count or 1) - 1]
    if not frames:
        raise PromptError("there is no prompt yet; add a point, a box or a mask first")
    if stride < 1:
        raise ConfigError(f"stride is {stride}; it must be 1 or more")
    for name, value in (("start", start), ("end", end)):
        if value is not None and (value < 0 or (source.frame_count is not None and value >= source.frame_count)):
            raise ConfigError(f"{name} frame {value} does not exist; {source.name} has {_frames(source.frame_count)}")
    if reverse and not source.seekable:
        raise ConfigError(f"{source.name} is a live source and cannot be followed backward")
    first = start if start is not None else frames[-1] if reverse else frames[0]
    plan = Plan(first, end, -stride if reverse else stride)
    if end is not None and not plan.covers(end):
        raise ConfigError(f"going {'backward' if reverse else 'forward'} from frame {first} never reaches frame {end}")
    return plan


def _frames(count: int | None) -> str:
    return "no such frame" if count is None else f"{count} frames, 0 to {count - 1}"
