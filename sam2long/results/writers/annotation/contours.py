"""Writes the outlines of masks along their pixel edges: an SVG drawing per frame, or one GeoJSON file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.results.labels import Labels
from sam2long.results.palette import bright_colour
from sam2long.results.result import FrameResult
from sam2long.results.writers.annotation import xml_text
from sam2long.results.writers.annotation.json_stream import dumps, number
from sam2long.results.writers.annotation.regions import Region, regions
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.spool import Spool
from sam2long.results.writers.whole import whole
from sam2long.video.source import VideoSource


class SvgWriter(ResultWriter):
    """`<frame>.svg` in pixels of the video: one path per visible object, with its holes, and its name as the title."""

    def __init__(self, folder: Path, source: VideoSource, labels: Labels) -> None:
        self._folder = folder
        self._source = source
        self._labels = labels
        folder.mkdir()

    def write(self, result: FrameResult) -> None:
        """Write one drawing; raises OSError."""
        width, height = self._source.width, self._source.height
        size = xml_text.attributes(width=width, height=height, viewBox=f"0 0 {width} {height}")
        title = xml_text.text(f"{self._source.name}, frame {result.frame}, {result.time:.3f} s")
        lines = [f'<svg xmlns="http://www.w3.org/2000/svg"{size}>', f"<title>{title}</title>"]
        for object_id, mask in result.masks.items():
            if parts := regions(mask):
                lines.append(self._path(object_id, parts))
        with whole(self._folder / f"{self._source.frame_name(result.frame)}.svg") as path:
            path.write_text("\n".join([*lines, "</svg>\n"]), encoding="utf-8")

    def finish(self) -> None:
        """Do nothing; no file is open."""

    def abort(self) -> None:
        """Do nothing; no file is open."""

    def _path(self, object_id: int, parts: Iterable[Region]) -> str:
        colour = "#{:02x}{:02x}{:02x}".format(*(int(part) for part in bright_colour(object_id)))
        look = f'fill="{colour}" fill-opacity="0.45" fill-rule="evenodd" stroke="{colour}"'
        rings = (ring for part in parts for ring in (part.outline, *part.holes))
        drawn = "".join("M" + " ".join(f"{x},{y}" for x, y in ring.tolist()) + "Z" for ring in rings)
        title = xml_text.text(self._labels.names.get(object_id, f"object {object_id}"))
        return f'<path id="object-{object_id}" {look} d="{drawn}"><title>{title}</title></path>'


class GeojsonWriter(ResultWriter):
    """A FeatureCollection with one MultiPolygon per frame and visible object, in pixels of the video, y downwards.

    Properties: `frame`, `time` (seconds), `object`, `name`, `area` (pixels) and `score` (predicted IoU).
    """

    def __init__(self, path: Path, spool: Spool, labels: Labels) -> None:
        self._path = path
        self._spool = spool
        self._labels = labels

    def write(self, result: FrameResult) -> None:
        """Outline the objects of one frame; raises sqlite3.Error."""
        for object_id, mask in result.masks.items():
            if parts := regions(mask):
                feature = {
                    "type": "Feature",
                    "properties": self._properties(result, object_id, mask),
                    "geometry": {"type": "MultiPolygon", "coordinates": [list(_rings(part)) for part in parts]},
                }
                self._spool.keep_text(self._path.name, (result.frame, object_id, 0), dumps(feature))

    def finish(self) -> None:
        """Write the file; raises OSError."""
        with self._path.open("w", encoding="utf-8") as file:
            file.write('{"type":"FeatureCollection",\n"features":[')
            for position, (_, feature) in enumerate(self._spool.texts(self._path.name)):
                file.write(",\n" * (position > 0) + feature)
            file.write("]}\n")

    def abort(self) -> None:
        """Do nothing; no file is open."""

    def _properties(self, result: FrameResult, object_id: int, mask: npt.NDArray[np.bool_]) -> dict[str, object]:
        return {
            "frame": result.frame,
            "time": number(result.time),
            "object": object_id,
            "name": self._labels.names.get(object_id, f"object {object_id}"),
            "area": int(np.count_nonzero(mask)),
            "score": number(result.scores[object_id]),
        }


def _rings(part: Region) -> Iterator[list[list[int]]]:
    """Outline and holes as GeoJSON has them: the last point repeats the first."""
    for ring in (part.outline, *part.holes):
        yield [*ring.tolist(), ring[0].tolist()]
