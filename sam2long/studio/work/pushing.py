"""Pushes masks to the tabs while objects are followed, as many as there is time for."""

from __future__ import annotations

import time
from collections.abc import Callable

from sam2long.results import FrameResult
from sam2long.studio import masks
from sam2long.studio.describe import coded_masks, prompted_on, undecided_on
from sam2long.studio.tabs import Tabs
from sam2long.tracking import Session

_PAUSE = 0.02
"""Seconds between two frames that are pushed."""


class Pusher:
    """Sends the masks of each frame that is visited, as they are by then, and of those that are decided later.

    Args:
        session: the session.
        tabs: who gets them.
        show_again: sends everything about a frame to the tabs that show it.
    """

    def __init__(self, session: Session, tabs: Tabs, show_again: Callable[[int], None]) -> None:
        self._session, self._tabs, self._show_again = session, tabs, show_again
        self._pushed = 0.0
        self._held: tuple[FrameResult, int] | None = None  # decided and not pushed yet, with its flags

    def visited(self, revision: int) -> None:
        """A frame has been visited: push it, unless it is decided in this moment and so comes by itself."""
        self.rest(revision)
        newest = self._newest
        if newest is None or time.monotonic() - self._pushed < _PAUSE or not undecided_on(self._session, newest):
            return
        if any(tab.shown == newest for tab in self._tabs):
            self._show_again(newest)
        result = self._session.result(newest, undecided=True)
        if result is not None:
            self._push(result, masks.NEWEST, revision)

    def decided(self, result: FrameResult, revision: int) -> None:
        """Push a decided frame; of many that come at once, some and the last one."""
        if any(tab.shown == result.frame for tab in self._tabs):
            self._show_again(result.frame)
        flags = masks.NEWEST if result.frame == self._newest else 0
        if time.monotonic() - self._pushed < _PAUSE:
            self._held = result, flags
        else:
            self._push(result, flags, revision)

    def rest(self, revision: int) -> None:
        """Push what has been held back."""
        if self._held is not None:
            self._push(*self._held, revision)

    @property
    def _newest(self) -> int | None:
        progress = self._session.progress
        return None if progress is None else progress.frame

    def _push(self, result: FrameResult, flags: int, revision: int) -> None:
        self._held, self._pushed = None, time.monotonic()
        marks = {
            masks.PROMPTED: prompted_on(self._session, result.frame),
            masks.UNDECIDED: undecided_on(self._session, result.frame),
        }
        for width in {tab.width for tab in self._tabs if tab.shown != result.frame}:
            coded = coded_masks(result.masks, result.frame, width, flags, marks, revision)
            for tab in self._tabs:
                if tab.width == width and tab.shown != result.frame:
                    tab.push(result.frame, coded)
