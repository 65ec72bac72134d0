"""The browser tabs that look at the session: what is on its way to each, and which of them may edit."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict, deque
from collections.abc import Iterator
from threading import Lock

from sam2long.studio.fields import Message

_MOST_LIVE = 32
"""Frames of masks, pushed while following, that may wait for a slow tab; older ones are skipped."""
_MOST_WAITING = 10_000
"""Messages that may wait for a tab before it counts as dead."""


class Tab:
    """One browser tab. Messages are put in from any thread, and taken out on the server's event loop.

    Attributes:
        shown: the frame it shows, or None.
        width: width of its masks in pixels.
        writer: whether it may edit.
    """

    def __init__(self) -> None:
        self.shown: int | None = None
        self.width = 1280
        self.writer = False
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._lock = Lock()
        self._waiting: deque[str | bytes] = deque()
        self._live: OrderedDict[int, list[bytes]] = OrderedDict()
        self._dead = False

    def send(self, *messages: Message | bytes) -> None:
        """Send messages, in order."""
        coded = [one if isinstance(one, bytes) else json.dumps(one, allow_nan=False) for one in messages]
        with self._lock:
            self._waiting.extend(coded)
            self._dead = self._dead or len(self._waiting) > _MOST_WAITING
        self._wake()

    def push(self, frame: int, masks: list[bytes]) -> None:
        """Send the masks of a frame, unless newer ones overtake them."""
        with self._lock:
            self._live[frame] = masks
            if len(self._live) > _MOST_LIVE:
                self._live.popitem(last=False)
        self._wake()

    async def take(self) -> list[str | bytes] | None:
        """Wait for messages; None once the tab has not taken any for too long."""
        await self._ready.wait()
        self._ready.clear()
        with self._lock:
            if self._dead:
                return None
            taken = list(self._waiting)
            self._waiting.clear()
            if not taken and self._live:
                taken += self._live.popitem(last=False)[1]
            if self._live:
                self._ready.set()
        return taken

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ready.set)


class Tabs:
    """All open tabs, as the worker knows them. The first one may edit; another one may take over."""

    def __init__(self) -> None:
        self._tabs: list[Tab] = []

    def __iter__(self) -> Iterator[Tab]:
        return iter(self._tabs)

    def add(self, tab: Tab) -> None:
        """Add a tab; it may edit if no other one may."""
        self._tabs.append(tab)
        tab.writer = not any(other.writer for other in self._tabs)

    def remove(self, tab: Tab) -> None:
        """Remove a tab; if it was the writing one, the oldest other one is."""
        self._tabs = [other for other in self._tabs if other is not tab]
        if tab.writer and self._tabs:
            self.let_write(self._tabs[0])

    def let_write(self, tab: Tab) -> None:
        """Let this tab edit, and no other one."""
        for other in self._tabs:
            if other.writer != (other is tab):
                other.writer = other is tab
                other.send({"type": "writer", "writer": other.writer})

    def send(self, *messages: Message | bytes) -> None:
        """Send messages to all tabs."""
        for tab in self._tabs:
            tab.send(*messages)
