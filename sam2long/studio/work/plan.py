"""Plans what following has to do: only frames whose results are missing or outdated, and only their objects."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sam2long.tracking import Session
from sam2long.tracking.session_results import SpanState

Range = tuple[int, int]


@dataclass(frozen=True)
class Stretch:
    """Frames to follow some objects through, in one propagation.

    Attributes:
        first: first frame, the smaller number.
        last: last frame, inclusive.
        objects: ids of the objects that need it.
        reverse: whether it is followed backward, from `last` to `first`.
    """

    first: int
    last: int
    objects: frozenset[int]
    reverse: bool

    def __len__(self) -> int:
        """Number of frames."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class Wish:
    """What the user wants followed.

    Attributes:
        direction: "forward", "backward" or "both".
        first: first frame of a range, or None.
        last: last frame of a range, or None.
    """

    direction: str
    first: int | None = None
    last: int | None = None


def make_stretches(session: Session, wish: Wish, skip: Collection[int], frame_count: int) -> list[Stretch]:
    """Plan all that a wish needs: forward stretches first, each object from its first prompt on.

    Without a range, an object is followed backward only from its first prompt, since forward covers the rest.

    Args:
        session: the session.
        wish: of the user.
        skip: ids of objects to leave as they are.
        frame_count: of the video.
    """
    whole = 0 if wish.first is None else wish.first, frame_count - 1 if wish.last is None else wish.last
    # An object without a prompt is searched for by references, in the whole video.
    prompts = {i: frames or [0, frame_count - 1] for i, frames in session.prompts.items() if i not in skip}
    done = {object_id: _done(session, object_id) for object_id in prompts}
    ways: dict[bool, dict[int, list[Range]]] = {False: {}, True: {}}
    for object_id, frames in prompts.items():
        if wish.direction != "backward":
            scope = max(whole[0], frames[0]), whole[1]
            ways[False][object_id] = _missing(scope, done[object_id])
        if wish.direction != "forward":
            ranged = wish.direction == "backward" and wish.last is not None
            scope = whole[0], min(whole[1], frames[-1] if ranged else frames[0])
            ways[True][object_id] = _missing(scope, done[object_id])
    forward, backward = (_joined(ways[reverse], reverse) for reverse in (False, True))
    return [*forward, *reversed(backward)]


def _done(session: Session, object_id: int) -> list[Range]:
    return [(span.first, span.last) for span in session.spans(object_id) if span.state is SpanState.UP_TO_DATE]


def _missing(scope: Range, done: Iterable[Range]) -> list[Range]:
    """The parts of a range of frames that are not done."""
    first, last = scope
    missing = []
    for start, end in done:
        if start > first:
            missing.append((first, min(start - 1, last)))
        first = max(first, end + 1)
    if first <= last:
        missing.append((first, last))
    return [part for part in missing if part[0] <= part[1]]


def _joined(wanted: dict[int, list[Range]], reverse: bool) -> list[Stretch]:
    """Join the ranges of all objects that touch or overlap, in ascending order."""
    stretches: list[Stretch] = []
    ranges = sorted((first, last, object_id) for object_id, parts in wanted.items() for first, last in parts)
    for first, last, object_id in ranges:
        if stretches and first <= stretches[-1].last + 1:
            old = stretches.pop()
            first, last, objects = old.first, max(old.last, last), old.objects | {object_id}
        else:
            objects = frozenset({object_id})
        stretches.append(Stretch(first, last, objects, reverse))
    return stretches
