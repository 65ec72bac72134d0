"""Writes one LabelMe JSON file per frame, beside the frame's image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sam2long.results.labels import Labels
from sam2long.results.outlines import centre_lines
from sam2long.results.result import FrameResult
from sam2long.results.writers.annotation.frame_images import FrameImages
from sam2long.results.writers.annotation.json_stream import dumps
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.spool import Spool
from sam2long.results.writers.whole import whole
from sam2long.video.source import VideoSource

VERSION = "5.5.0"  # of LabelMe, whose fields these are
TOLERANCE = 0.5  # of outlines, in pixels


class LabelmeWriter(ResultWriter):
    """`<frame>.json` and `<frame>.jpg`: one polygon per part of an object, which share the object's id as `group_id`.

    LabelMe fills a polygon together with the pixels under its outline; hence the outlines run through the middles of
    the outermost pixels. Holes are joined to the outline around them.
    """

    def __init__(self, folder: Path, source: VideoSource, spool: Spool, labels: Labels) -> None:
        self._folder = folder
        self._source = source
        self._spool = spool
        self._labels = labels
        folder.mkdir()
        self._images = FrameImages(folder, source)

    def write(self, result: FrameResult) -> None:
        """Write the polygons and the image of one frame; raises OSError, or VideoError as `FrameImages.add` does."""
        content: dict[str, object] = {
            "version": VERSION,
            "flags": {},
            "shapes": list(self._shapes(result)),
            "imagePath": self._images.name(result.frame),
            "imageData": None,
            "imageHeight": self._source.height,
            "imageWidth": self._source.width,
        }
        with whole(self._folder / f"{self._source.frame_name(result.frame)}.json") as path:
            path.write_text(dumps(content), encoding="utf-8")
        self._images.add(result.frame)

    def finish(self) -> None:
        """Write the images that are still missing; raises as `write` does."""
        self._images.finish(frame for frame, _ in self._spool.frames())

    def abort(self) -> None:
        """Do nothing; no file is open."""

    def _shapes(self, result: FrameResult) -> Iterator[dict[str, object]]:
        for object_id, mask in result.masks.items():
            for outline in centre_lines(mask, TOLERANCE):
                yield {
                    "label": self._labels.of(object_id),
                    "points": outline.tolist(),
                    "group_id": object_id,
                    "description": "",
                    "shape_type": "polygon",
                    "flags": {},
                    "mask": None,
                }
