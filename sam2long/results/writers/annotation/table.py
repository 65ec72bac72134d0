"""Writes boxes, centroids, areas and times as a CSV table for spreadsheets and statistics."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from sam2long.results.labels import Labels
from sam2long.results.result import FrameResult
from sam2long.results.scale import Scale
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.spool import Spool
from sam2long.video.source import VideoSource

LENGTHS = ("left", "top", "right", "bottom", "centroid_x", "centroid_y")


class TableWriter(ResultWriter):
    """One row per frame and object: frame, time_s, object, name, and the measures in pixels (`left_px`, ...,
    `area_px2`) and, with a scale, in its units (`left_um`, ..., `area_um2`).

    `left` to `bottom` are the outer edges of the mask, the centroid is the mean of its pixel centres, all counted from
    the outer corner of the top-left pixel; the area counts pixels. Cells are empty where an object is not visible, the
    area is 0. Pixels that are not square are as high as the scale says, and as much wider as the video says.
    """

    def __init__(self, path: Path, source: VideoSource, spool: Spool, labels: Labels, scale: Scale | None) -> None:
        self._path = path
        self._spool = spool
        self._labels = labels
        self._scale = scale
        self._pixel_aspect = float(source.pixel_aspect)

    def write(self, result: FrameResult) -> None:
        """Measure the objects of one frame; raises sqlite3.Error."""
        for object_id, mask in result.masks.items():
            measures = _measures(mask)
            cells = [*_cells(measures, 1, 1)]
            if self._scale is not None:
                cells += _cells(measures, self._scale.size * self._pixel_aspect, self._scale.size)
            head = (result.frame, f"{result.time:.6f}", object_id, self._labels.names.get(object_id, ""))
            self._spool.keep_text(self._path.name, (result.frame, object_id, 0), _row((*head, *cells)))

    def finish(self) -> None:
        """Write the file; raises OSError."""
        units = ["px"] if self._scale is None else ["px", self._scale.unit]
        names = [f"{name}_{unit}" for unit in units for name in (*LENGTHS, "area")]
        head = [name + "2" * name.startswith("area") for name in names]
        with self._path.open("w", encoding="utf-8", newline="") as file:
            file.write(_row(("frame", "time_s", "object", "name", *head)))
            file.writelines(text for _, text in self._spool.texts(self._path.name))

    def abort(self) -> None:
        """Do nothing; no file is open."""


class _Measures(NamedTuple):
    """In pixels: the outer edges of a mask, its centroid, and its area."""

    left: float
    top: float
    right: float
    bottom: float
    x: float
    y: float
    area: float


def _measures(mask: npt.NDArray[np.bool_]) -> _Measures | None:
    """Measure a bool [height, width] mask; None if it is empty."""
    pixels = np.ascontiguousarray(mask).view(np.uint8)
    left, top, width, height = cv2.boundingRect(pixels)
    if not width:
        return None
    moments = cv2.moments(pixels[top : top + height, left : left + width], binaryImage=True)
    area = moments["m00"]
    x, y = left + moments["m10"] / area + 0.5, top + moments["m01"] / area + 0.5
    return _Measures(left, top, left + width, top + height, x, y, area)


def _cells(measures: _Measures | None, width: float, height: float) -> list[str]:
    """Cells of the measures, with the size of a pixel in units; seven digits."""
    if measures is None:
        return [*("" for _ in LENGTHS), "0"]
    left, top, right, bottom, x, y, area = measures
    values = (left * width, top * height, right * width, bottom * height, x * width, y * height, area * width * height)
    return [f"{value:.7g}" for value in values]


def _row(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
