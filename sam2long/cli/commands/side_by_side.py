"""Joins pictures side by side into one video, each under its title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
import numpy.typing as npt

from sam2long.results.films.encoder import Mp4Encoder
from sam2long.video import open_video

_TITLE_HEIGHT = 24

Picture = npt.NDArray[np.uint8]


class SideBySide:
    """An mp4 of pictures that lie side by side; a context manager that removes the file if it is left by an exception.

    Args:
        path: of the file.
        titles: one for each picture.
        sizes: (height, width) of the pictures, of equal height.
        fps: frames per second.
    """

    def __init__(self, path: Path, titles: Sequence[str], sizes: Sequence[tuple[int, int]], fps: float) -> None:
        self._path = path
        self._plates = np.hstack([_title(title, width) for title, (_, width) in zip(titles, sizes, strict=True)])
        width = sum(width for _, width in sizes)
        self._encoder = Mp4Encoder(path, sizes[0][0] + _TITLE_HEIGHT, width, fps)

    def __enter__(self) -> SideBySide:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._encoder.close()
                return
        except BaseException:
            self._remove()
            raise
        self._remove()

    def add(self, pictures: Sequence[Picture], time: float) -> None:
        """Add pictures, uint8 [height, width, 3] RGB, shown `time` seconds into the video."""
        self._encoder.add(np.vstack([self._plates, np.hstack(pictures)]), time)

    def _remove(self) -> None:
        self._encoder.abort()
        self._path.unlink(missing_ok=True)


def write_side_by_side(videos: Mapping[str, Path], path: Path) -> None:
    """Write the videos, keyed by title and equally long, side by side into one mp4, via a temporary file."""
    partial = path.with_name(path.name + ".part")
    with ExitStack() as opened:
        sources = [opened.enter_context(open_video(video)) for video in videos.values()]
        sizes = [(source.height, source.width) for source in sources]
        with SideBySide(partial, list(videos), sizes, sources[0].fps) as film:
            for frames in zip(*(source.frames() for source in sources), strict=True):
                film.add([frame.image for frame in frames], frames[0].time)
    partial.replace(path)


def _title(text: str, width: int) -> Picture:
    plate = np.full((_TITLE_HEIGHT, width, 3), 24, np.uint8)
    cv2.putText(plate, text, (8, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (240, 240, 240), 1, cv2.LINE_AA)
    return plate
