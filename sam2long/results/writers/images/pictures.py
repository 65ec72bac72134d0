"""Decodes the frames of a video again, in step with results."""

from __future__ import annotations

from collections.abc import Iterator

from sam2long.errors import VideoError
from sam2long.video.source import Frame, VideoSource


class Pictures:
    """Frames in increasing order; `format_name` is the format that they are decoded for, for the error."""

    def __init__(self, source: VideoSource, format_name: str) -> None:
        self._source = source
        self._format_name = format_name
        self._frames: Iterator[Frame] | None = None

    def frame(self, number: int) -> Frame:
        """Return a frame later than the last one; raises VideoError if it cannot be decoded again."""
        if self._frames is None:
            self._frames = self._source.frames_again(number)
        frame = next((frame for frame in self._frames if frame.index >= number), None)
        if frame is None or frame.index > number:
            raise VideoError(
                f"frame {number} of {self._source.name} could not be decoded again for {self._format_name}"
            )
        return frame

    def restart(self) -> None:
        """Begin again, with any frame."""
        self._frames = None
