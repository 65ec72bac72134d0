"""Writes masks as PNG files, one per frame, or one per frame and object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from sam2long.results.palette import davis_palette
from sam2long.results.result import FrameResult
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.whole import whole
from sam2long.video.source import VideoSource

MOST_PALETTE_IDS = 255


class PngWriter(ResultWriter):
    """Palette PNGs in the format of DAVIS and Pascal VOC: pixel value = object id, 0 = background, video resolution.

    Where objects overlap, the smaller id is on top. Files are named `<frame>.png`, or after the images of a folder.
    """

    def __init__(self, folder: Path, source: VideoSource) -> None:
        self._folder = folder
        self._source = source
        self._palette = davis_palette().tobytes()
        folder.mkdir()

    def write(self, result: FrameResult) -> None:
        """Write one PNG; raises OSError."""
        labels = np.zeros((self._source.height, self._source.width), np.uint8)
        for object_id in sorted(result.masks, reverse=True):
            labels[result.masks[object_id]] = object_id
        image = Image.fromarray(labels)
        image.putpalette(self._palette)
        _save(image, self._folder / f"{self._source.frame_name(result.frame)}.png")

    def finish(self) -> None:
        """Do nothing; no file is open."""

    def abort(self) -> None:
        """Do nothing; no file is open."""


class PngPerObjectWriter(ResultWriter):
    """One-bit PNGs (white on black), one folder per object as in SA-V: `<id>/<frame>.png`."""

    def __init__(self, folder: Path, source: VideoSource) -> None:
        self._folder = folder
        self._source = source
        folder.mkdir()

    def write(self, result: FrameResult) -> None:
        """Write one PNG per object; raises OSError."""
        for object_id, mask in result.masks.items():
            folder = self._folder / f"{object_id:03d}"
            folder.mkdir(exist_ok=True)
            _save(Image.fromarray(mask), folder / f"{self._source.frame_name(result.frame)}.png")

    def finish(self) -> None:
        """Do nothing; no file is open."""

    def abort(self) -> None:
        """Do nothing; no file is open."""


def _save(image: Image.Image, path: Path) -> None:
    with whole(path):
        image.save(path)
