"""A video that is known by its description only, for results that outlive it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import PurePath

from sam2long.errors import VideoError
from sam2long.video.source import Frame, VideoSource


class DescribedVideo(VideoSource):
    """Everything about a video but its frames: whoever asks for a frame gets a `VideoError`.

    Args:
        name: see `VideoSource`.
        height: see `VideoSource`.
        width: see `VideoSource`.
        fps: see `VideoSource`.
        frame_count: number of frames, or None if it is not known.
        pixel_aspect: see `VideoSource`.
        names: names of image files by frame, with their suffixes; other frames are named by their numbers.

    Attributes:
        missing: why there are no frames, and what to do.
    """

    def __init__(
        self,
        name: str,
        height: int,
        width: int,
        fps: float,
        frame_count: int | None,
        *,
        pixel_aspect: Fraction = Fraction(1),
        names: Mapping[int, str] | None = None,
    ) -> None:
        self.name, self.height, self.width, self.fps, self.pixel_aspect = name, height, width, fps, pixel_aspect
        self.missing = f"the frames of {name} are not at hand"
        self._frame_count, self._names = frame_count, dict(names or {})

    @property
    def frame_count(self) -> int | None:
        """Number of frames; None if it is not known."""
        return self._frame_count

    def frame(self, index: int) -> Frame:
        """Raise VideoError: there are no frames."""
        raise VideoError(self.missing)

    def frame_name(self, index: int) -> str:
        """Name of the image file without suffix, or the number."""
        return PurePath(self._names[index]).stem if index in self._names else super().frame_name(index)

    def file_name(self, index: int) -> str:
        """Name of the image file, or the number as CVAT names frames of videos."""
        return self._names.get(index) or super().file_name(index)
