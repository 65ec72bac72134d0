"""The small buffer between a live source and the tracker, which bounds delay and memory."""

from __future__ import annotations

from collections import deque
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")

# in seconds; a wait without a timeout could not be interrupted by Ctrl-C on Windows
WAKE_SECONDS = 0.2


class FrameBuffer(Generic[T]):
    """Holds the newest items between a producer's and a consumer's thread.

    Args:
        size: number of items that may wait.
        drop: when full, drop the oldest item; otherwise `put` waits.

    Attributes:
        dropped: number of items dropped since the consumer took the first one.
    """

    def __init__(self, size: int, *, drop: bool) -> None:
        self.dropped = 0
        self._size, self._drop = size, drop
        self._items: deque[T] = deque()
        self._changed = Condition()
        self._taken = self._ended = False

    @property
    def over(self) -> bool:
        """Whether no item is left, and none will come."""
        with self._changed:
            return self._ended and not self._items

    def put(self, item: T) -> None:
        """Add an item; when full, drop the oldest or wait for space. After `end` or `close` it is discarded."""
        with self._changed:
            while not self._drop and len(self._items) >= self._size and not self._ended:
                self._changed.wait()
            if self._ended:
                return
            if len(self._items) >= self._size:
                self._items.popleft()
                self.dropped += self._taken
            self._items.append(item)
            self._changed.notify_all()

    def take(self) -> T | None:
        """Remove and return the oldest item, waiting for one; None at the end."""
        with self._changed:
            if self._drop and not self._taken:
                self._keep_newest()
            self._taken = True
            while not self._items and not self._ended:
                self._changed.wait(WAKE_SECONDS)
            item = self._items.popleft() if self._items else None
            self._changed.notify_all()
            return item

    def peek(self) -> T | None:
        """Return the oldest item without removing it, or None if there is none."""
        with self._changed:
            return self._items[0] if self._items else None

    def end(self) -> None:
        """Accept no more items; those that wait can still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Accept no more items, and discard those that wait."""
        with self._changed:
            self._items.clear()
            self._ended = True
            self._changed.notify_all()

    def _keep_newest(self) -> None:
        """What waited before the consumer began, while a network was loaded, is old."""
        while len(self._items) > 1:
            self._items.popleft()
