"""What the passes over one video file, on any thread, have learned about its frames."""

from __future__ import annotations

from pathlib import Path
from threading import RLock

from sam2long.video.files.decoder import DamageError
from sam2long.video.files.frame_index import FrameIndex, index_frames, index_packets


class SharedIndex:
    """The index and the number of frames of a file; safe to use from several threads.

    Once damage is marked, what healthy passes had learned is forgotten, and they teach nothing any more.

    Attributes:
        damaged: the file does not decode as its packets promise; its frames can only be counted from the beginning.
        known: the index, if it has been made.
        count: how many frames came out of a complete pass, if there was one.
    """

    def __init__(self, path: Path) -> None:
        self.damaged = False
        self.known: FrameIndex | None = None
        self.count: int | None = None
        self._path = path
        self._lock = RLock()

    def get(self) -> FrameIndex:
        """Return the index; the first call reads the whole file, while others wait for it."""
        with self._lock:
            if self.known is None and not self.damaged:
                self._index_healthy()
            if self.known is None:
                self.known = index_frames(self._path, tolerant=True)
            return self.known

    def mark_damaged(self) -> None:
        """Take note that a pass met damage."""
        with self._lock:
            if not self.damaged:
                self.damaged, self.known, self.count = True, None, None

    def learn_count(self, count: int, *, damaged: bool) -> None:
        """Take note of the frames of a complete pass, which knew of damage or did not."""
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
