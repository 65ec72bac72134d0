"""Frame index and count of a video file, shared by all passes over it."""

from __future__ import annotations

from pathlib import Path
from threading import RLock

from sam2long.video.files.decoder import DamageError
from sam2long.video.files.frame_index import FrameIndex, index_frames, index_packets


class SharedIndex:
    """Index and frame count of a file; thread-safe.

    Once damage is found, results of passes that did not know of it are discarded, also later ones.

    Attributes:
        damaged: whether the file does not decode as its packets indicate; frames can then only be counted from the
            beginning.
        known: index of the file, or None if not made yet.
        count: number of frames counted by a complete pass, or None.
    """

    def __init__(self, path: Path) -> None:
        self.damaged = False
        self.known: FrameIndex | None = None
        self.count: int | None = None
        self._path = path
        self._lock = RLock()

    def get(self) -> FrameIndex:
        """Return the index; the first call reads the whole file, and concurrent calls wait for it."""
        with self._lock:
            if self.known is None and not self.damaged:
                self._index_healthy()
            if self.known is None:
                self.known = index_frames(self._path, tolerant=True)
            return self.known

    def mark_damaged(self) -> None:
        """Record that a pass found damage."""
        with self._lock:
            if not self.damaged:
                self.damaged, self.known, self.count = True, None, None

    def learn_count(self, count: int, *, damaged: bool) -> None:
        """Record the frame count of a complete pass; `damaged` is whether the pass knew of damage."""
        with self._lock:
            if damaged == self.damaged:
                self.count = count

    def _index_healthy(self) -> None:
        try:
            index = index_packets(self._path) or index_frames(self._path, tolerant=False)
        except DamageError:
            self.mark_damaged()
            return
        if self.count in (None, index.count):
            self.known = index
        else:
            self.mark_damaged()
