"""Writes films of objects: cut-outs with an alpha channel, and grey mattes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.results.films.cutouts import BYTES_PER_PIXEL, cutout_picture, matte_picture
from sam2long.results.films.film import Film, FilmFormat
from sam2long.results.postprocessing import Postprocessing
from sam2long.results.result import FrameResult
from sam2long.results.soft_mask import Alpha
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.images.pictures import Pictures
from sam2long.results.writers.spool import ObjectRecord, Spool
from sam2long.video.source import VideoSource

MOST_ENCODERS = 512 << 20
"""Largest size in bytes of encoders that work at the same time, unless a single one is larger."""

Image = npt.NDArray[np.uint8]
AlphaOf = Callable[[int], Alpha | None]


@dataclass
class FilmPlan:
    """One film: the objects that are visible in it, and its encoder once it has a frame."""

    path: Path
    object_ids: Sequence[int]
    film: Film | None = None
    done: bool = False


class FilmsWriter(ResultWriter):
    """Writes one or more films, with all frames that have results and with the source's time stamps.

    Where an object does not exist or is not visible, it is transparent. If results come out of order (tracking
    backward), or the encoders of all films together would take too much memory, they are made at the end, one by one,
    from the spool.

    Args:
        films: what to write.
        how: how to encode it.
        source: the video.
        spool: stored results.
        edges: makes masks opacities.
        colour: whether films show the frames of the video, or only opacities, as grey.
    """

    def __init__(
        self,
        films: Sequence[FilmPlan],
        how: FilmFormat,
        source: VideoSource,
        spool: Spool,
        edges: Postprocessing,
        colour: bool,
    ) -> None:
        self._films = films
        self._how = how
        self._source = source
        self._spool = spool
        self._edges = edges
        self._pictures = Pictures(source, "cut-outs") if colour else None
        size = len(films) * source.height * source.width * BYTES_PER_PIXEL[how.codec]
        self._at_once = len(films) == 1 or size <= MOST_ENCODERS
        self._last = -1

    def write(self, result: FrameResult) -> None:
        """Encode one frame; raises OSError, PyAV's errors, or VideoError if the frame cannot be decoded again."""
        if self._at_once and result.frame <= self._last:
            self._at_once = False
            self._give_up()
        if self._at_once:
            self._add(self._films, result.frame, result.time, lambda i: self._alpha_now(result, i))
            self._last = result.frame

    def finish(self) -> None:
        """Complete the films, making them all now if they could not be made before; raises as `write` does."""
        for plan in self._films:
            if not self._at_once:
                self._make(plan)
            if plan.film is not None:
                plan.film.close()
                plan.done = True

    def abort(self) -> None:
        """Close the files, and delete what cannot be played; never raises."""
        self._give_up()

    def _make(self, plan: FilmPlan) -> None:
        """Make one film from the spool."""
        if self._pictures is not None:
            self._pictures.restart()
        for frame, time in self._spool.frames():
            records = self._spool.objects(frame)
            self._add([plan], frame, time, lambda i, records=records: self._alpha_later(records.get(i)))  # type: ignore[misc]

    def _add(self, plans: Sequence[FilmPlan], frame: int, time: float, alpha_of: AlphaOf) -> None:
        image = None if self._pictures is None else self._pictures.frame(frame).image
        for plan in plans:
            if plan.film is None:
                source = self._source
                size = source.height, source.width
                plan.film = Film(plan.path, self._how, *size, source.fps, source.pixel_aspect)
            alpha = self._together(plan.object_ids, alpha_of)
            if image is None:
                plan.film.add(matte_picture(alpha, self._how.pixel_format), time)
            else:
                plan.film.add(cutout_picture(image, alpha, self._how.pixel_format), time)

    def _together(self, object_ids: Sequence[int], alpha_of: AlphaOf) -> Alpha:
        """Opacity of several objects together: that of the most opaque one in each pixel."""
        alpha = np.zeros((self._source.height, self._source.width), np.float32)
        for object_id in object_ids:
            own = alpha_of(object_id)
            if own is not None:
                np.maximum(alpha, own, out=alpha)
        return alpha

    def _alpha_now(self, result: FrameResult, object_id: int) -> Alpha | None:
        if object_id not in result.masks:
            return None
        return self._edges.alpha(result.masks[object_id], result.soft.get(object_id))

    def _alpha_later(self, record: ObjectRecord | None) -> Alpha | None:
        return None if record is None else self._edges.alpha(record.mask(), record.soft())

    def _give_up(self) -> None:
        for plan in self._films:
            if plan.film is not None and not plan.done:
                plan.film.abort()
                plan.film = None
                plan.path.unlink(missing_ok=True)
