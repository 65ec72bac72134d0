"""One wish to follow: stretch after stretch until all is up to date, planned anew after an edit."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from sam2long.results import FrameResult
from sam2long.studio.describe import UNDECIDED, Runs, result_state, undecided_on
from sam2long.studio.fields import Message
from sam2long.studio.work.plan import Stretch, Wish, make_stretches
from sam2long.tracking import Session

_WINDOW = 3.0
"""Seconds over which the speed is measured."""
_PAUSE = 0.1
"""Seconds between two progress messages."""


class Following:
    """Carries out one wish.

    Args:
        session: the session.
        wish: what to follow.
        frame_count: of the video.
        between: called after each visited frame; it may edit the session, and call `restart` or `stop`.
    """

    def __init__(self, session: Session, wish: Wish, frame_count: int, between: Callable[[], None]) -> None:
        self._session, self._wish, self._frame_count, self._between = session, wish, frame_count, between
        self._stopped = self._restarted = False
        self._ahead = self._plan()
        self._decided: dict[int, Runs] = {}
        self._visits = 0
        self._following = False  # whether a propagation runs through the first stretch ahead
        self._times: deque[float] = deque()
        self._sent = 0.0

    def stop(self) -> None:
        """End after the current frame; everything done is kept."""
        self._stopped = True
        self._session.cancel()

    def restart(self) -> None:
        """Plan anew after the current frame, since an edit has changed what has to be done."""
        self._restarted = True
        self._session.cancel()

    def run(self) -> Iterator[FrameResult]:
        """Follow, and yield the result of each frame that is decided."""
        before: list[Stretch] = []
        # A plan that is still the same after it was carried out has frames that cannot be read.
        while self._ahead and not self._stopped and (self._ahead != before or self._restarted):
            before, self._restarted = list(self._ahead), False
            while self._ahead and not (self._stopped or self._restarted):
                yield from self._follow(self._ahead[0])
                self._ahead.pop(0)
            self._ahead = self._plan()

    def _plan(self) -> list[Stretch]:
        locked = [object_id for object_id, style in self._session.styles.items() if style.locked]
        return make_stretches(self._session, self._wish, locked, self._frame_count)

    def _follow(self, stretch: Stretch) -> Iterator[FrameResult]:
        start, end = (stretch.last, stretch.first) if stretch.reverse else (stretch.first, stretch.last)
        results = self._session.propagate(
            start, end, reverse=stretch.reverse, objects=stretch.objects, on_visit=self._visited
        )
        self._following = True
        for result in results:
            for object_id in result.masks:
                _extend(self._decided.setdefault(object_id, []), result.frame, result_state(result, object_id))
            yield result
        self._following = False

    def _visited(self) -> None:
        now = time.monotonic()
        self._visits += 1
        self._note_undecided()
        self._times.append(now)
        while self._times[0] < now - _WINDOW:
            self._times.popleft()
        self._between()

    def _note_undecided(self) -> None:
        """Add the visited frame to the lanes of the objects that are not decided on it."""
        progress = self._session.progress
        if progress is None or progress.frame is None:
            return
        for object_id in undecided_on(self._session, progress.frame):
            _extend(self._decided.setdefault(object_id, []), progress.frame, UNDECIDED)

    @property
    def nothing_to_do(self) -> bool:
        """Whether everything was up to date from the beginning."""
        return not self._visits and not self._ahead

    def due(self) -> bool:
        """Whether it is time for another progress message."""
        return time.monotonic() - self._sent >= _PAUSE

    def message(self, state: str | None = None, reason: str | None = None) -> Message:
        """The `following` message; without a state, of what is going on."""
        self._sent = time.monotonic()
        progress = self._session.progress if self._visits else None
        left = sum(len(stretch) for stretch in self._ahead)
        if self._following and progress is not None and progress.total is not None:
            left += progress.total - progress.done - len(self._ahead[0])
        span = self._times[-1] - self._times[0] if len(self._times) > 1 else 0.0
        speed = (len(self._times) - 1) / span if span > 0 else 0.0
        decided = [[object_id, *run] for object_id, runs in self._decided.items() for run in runs]
        self._decided = {}
        return {
            "type": "following",
            "state": state or ("stopping" if self._stopped else "running"),
            "direction": self._wish.direction,
            "first": self._wish.first,
            "last": self._wish.last,
            "frame": None if progress is None else progress.frame,
            "done": self._visits,
            "total": self._visits + max(0, left),
            "frames_per_second": round(speed, 2),
            "seconds_left": round(max(0, left) / speed, 1) if speed > 0 else None,
            "message": reason,
            "decided": decided,
        }


def _extend(runs: Runs, frame: int, state: str) -> None:
    """Add a frame to runs that grow forward or backward."""
    if runs and runs[-1][2] == state and runs[-1][1] == frame - 1:
        runs[-1][1] = frame
    elif runs and runs[-1][2] == state and runs[-1][0] == frame + 1:
        runs[-1][0] = frame
    else:
        runs.append([frame, frame, state])
