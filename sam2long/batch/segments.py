"""Where a long video may be cut, so that its segments can be tracked at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sam2long.running.prompts.parsed import Prompt
from sam2long.running.run import FrameRange


@dataclass(frozen=True)
class Segment:
    """A range of frames that begins with prompts of all objects.

    Attributes:
        start: first frame.
        end: last frame, inclusive; None for the end of the video.
    """

    start: int
    end: int | None


def segments(prompts: Iterable[Prompt], frames: FrameRange) -> list[Segment]:
    """Cut a run at every frame on which all objects that have entered by then are prompted again.

    Backward runs and runs with a stride are not cut, so that every frame visited is visited in one run too.
    """
    prompted: dict[int, set[int]] = {}
    for prompt in prompts:
        prompted.setdefault(prompt.frame, set()).add(prompt.object_id)
    if not prompted:
        return []
    first = min(prompted) if frames.start is None else frames.start
    starts, entered = [first], set[int]()
    for frame in sorted(prompted):
        inside = first < frame and (frames.end is None or frame <= frames.end)
        if inside and entered and entered <= prompted[frame]:
            starts.append(frame)
        entered |= prompted[frame]
    if frames.reverse or frames.stride != 1:
        starts = [first]
    ends = [*(start - 1 for start in starts[1:]), frames.end]
    return [Segment(start, end) for start, end in zip(starts, ends, strict=True)]
