"""A source that reports every frame it reads, so that another process can tell slow work from a hanging decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sam2long.video.source import Frame, VideoSource


class WatchedSource(VideoSource):
    """Passes everything on to another source.

    Args:
        source: the other source, closed with this one.
        read: called after every frame read, on whichever thread reads it.
    """

    def __init__(self, source: VideoSource, read: Callable[[], None]) -> None:
        self._source = source
        self._read = read
        self.name, self.path = source.name, source.path
        self.height, self.width, self.fps = source.height, source.width, source.fps
        self.pixel_aspect, self.seekable = source.pixel_aspect, source.seekable

    @property
    def stopped_early(self) -> str | None:  # type: ignore[override]
        """As of the other source."""
        return self._source.stopped_early

    @property
    def frame_count(self) -> int | None:
        """As of the other source."""
        return self._source.frame_count

    def frame(self, index: int) -> Frame:
        """As of the other source."""
        frame = self._source.frame(index)
        self._read()
        return frame

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """As of the other source."""
        for frame in self._source.frames(start, stop, step):
            self._read()
            yield frame

    def frame_name(self, index: int) -> str:
        """As of the other source."""
        return self._source.frame_name(index)

    def file_name(self, index: int) -> str:
        """As of the other source."""
        return self._source.file_name(index)

    def close(self) -> None:
        """Close the other source."""
        self._source.close()
