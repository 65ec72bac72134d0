"""Writes a video with the masks drawn over its frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.results.drawing import Painter
from sam2long.results.films.encoder import Mp4Encoder
from sam2long.results.result import FrameResult
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.images.pictures import Pictures
from sam2long.results.writers.spool import Spool
from sam2long.video.source import VideoSource


class OverlayWriter(ResultWriter):
    """An mp4 of the frames that have results, with the source's time stamps.

    Frames are decoded a second time, in step with the results, so none has to wait in memory for a late result.
    If results come out of order (tracking backwards), all are drawn at the end, from the spool.
    """

    def __init__(self, path: Path, source: VideoSource, spool: Spool) -> None:
        self._path = path
        self._spool = spool
        self._film = _Film(path, source)
        self._in_order = True
        self._last = -1

    def write(self, result: FrameResult) -> None:
        """Draw one frame; raises OSError, PyAV's errors, or VideoError if the frame cannot be decoded again."""
        if self._in_order and result.frame <= self._last:
            self._in_order = False
            self._film.abort()
        if self._in_order:
            self._film.add(result.frame, result.masks)
            self._last = result.frame

    def finish(self) -> None:
        """Complete the file, drawing all of it now if results came out of order; raises as `write` does."""
        if not self._in_order:
            self._film.restart()
            for frame, _ in self._spool.frames():
                masks = {object_id: record.mask() for object_id, record in self._spool.objects(frame).items()}
                self._film.add(frame, masks)
        self._film.close()

    def abort(self) -> None:
        """Close the file as it is; never raises."""
        self._film.abort()


class _Film:
    """The video being written, from frames in increasing order; the file is created with the first frame."""

    def __init__(self, path: Path, source: VideoSource) -> None:
        self._path = path
        self._source = source
        self._painter = Painter(source.height, source.width)
        self._encoder: Mp4Encoder | None = None
        self._pictures = Pictures(source, "the overlay")

    def add(self, number: int, masks: Mapping[int, npt.NDArray[np.bool_]]) -> None:
        if self._encoder is None:
            source = self._source
            self._encoder = Mp4Encoder(self._path, source.height, source.width, source.fps, source.pixel_aspect)
        frame = self._pictures.frame(number)
        self._encoder.add(self._painter.paint(frame.image, masks), frame.time)

    def restart(self) -> None:
        self._encoder = None
        self._pictures.restart()

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.close()

    def abort(self) -> None:
        if self._encoder is not None:
            self._encoder.abort()
            self._encoder = None
