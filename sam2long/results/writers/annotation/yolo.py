"""Writes a data set in the layout of Ultralytics, for training segmentation networks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.results.labels import Labels
from sam2long.results.outlines import centre_lines, chain
from sam2long.results.result import FrameResult
from sam2long.results.writers.annotation.frame_images import FrameImages
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.spool import Spool
from sam2long.results.writers.whole import whole
from sam2long.video.source import VideoSource

TOLERANCE = 0.5  # of outlines, in pixels
ROUNDING = np.float32(0.01)  # in pixels: readers that round and those that cut off get the same pixel
YAML = """\
# {name}, by sam2long: `val` repeats `train`; move frames of other videos there.
train: images
val: images
names:
"""


class YoloWriter(ResultWriter):
    """`images/<frame>.jpg`, `labels/<frame>.txt` and `data.yaml`, from which Ultralytics finds both.

    A label file has one line per visible object, "class x1 y1 x2 y2 ...", in fractions of width and height; it is empty
    if there is none. Classes are the names of the objects; ids have no place. Parts and holes are joined by cuts.
    Trainers fill an outline together with the pixels under it; hence it runs through the middles of the outermost
    pixels, unlike that of `FrameResult.to_yolo`.
    """

    def __init__(
        self, folder: Path, source: VideoSource, spool: Spool, object_ids: Sequence[int], labels: Labels
    ) -> None:
        self._folder = folder
        self._source = source
        self._spool = spool
        self._names = labels.classes(object_ids)
        self._classes = {object_id: self._names.index(labels.of(object_id)) for object_id in object_ids}
        folder.mkdir()
        self._images = FrameImages(folder / "images", source)

    def write(self, result: FrameResult) -> None:
        """Write the labels and the image of one frame; raises OSError, or VideoError as `FrameImages.add` does."""
        self._begin()
        lines = (self._line(object_id, mask) for object_id, mask in result.masks.items())
        with whole(self._folder / "labels" / f"{self._source.frame_name(result.frame)}.txt") as path:
            path.write_text("".join(lines), encoding="utf-8")
        self._images.add(result.frame)

    def finish(self) -> None:
        """Write the images that are still missing; raises as `write` does."""
        self._begin()
        self._images.finish(frame for frame, _ in self._spool.frames())

    def abort(self) -> None:
        """Do nothing; no file is open."""

    def _line(self, object_id: int, mask: npt.NDArray[np.bool_]) -> str:
        """Line of one object; empty if its mask is."""
        parts = centre_lines(mask, TOLERANCE)
        if not parts:
            return ""
        places = (chain(parts) - ROUNDING) / np.array((self._source.width, self._source.height), np.float32)
        return " ".join([str(self._classes[object_id]), *(f"{value:.6g}" for value in places.ravel())]) + "\n"

    def _begin(self) -> None:
        """Write what does not depend on the frames, not before the first one: a folder with content is kept."""
        if (self._folder / "data.yaml").exists():
            return
        (self._folder / "images").mkdir(exist_ok=True)
        (self._folder / "labels").mkdir(exist_ok=True)
        entries = [f"  {number}: {json.dumps(name)}\n" for number, name in enumerate(self._names)]
        text = YAML.format(name=json.dumps(self._source.name)) + "".join(entries)
        with whole(self._folder / "data.yaml") as path:
            path.write_text(text, encoding="utf-8")
