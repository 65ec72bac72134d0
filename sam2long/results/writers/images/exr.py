"""Writes the opacities of all objects as OpenEXR files, one per frame, with one layer per object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sam2long.results.postprocessing import Postprocessing
from sam2long.results.result import FrameResult
from sam2long.results.writers.base import ResultWriter
from sam2long.video.source import VideoSource


class ExrWriter(ResultWriter):
    """Half-float files `<frame>.exr` with a channel `object_<id>.A` per object, 0..1, without loss.

    Every file has the channels of all objects; a channel is 0 where its object does not exist or is not visible.
    """

    def __init__(self, folder: Path, source: VideoSource, object_ids: Sequence[int], edges: Postprocessing) -> None:
        self._folder = folder
        self._source = source
        self._object_ids = sorted(object_ids)
        self._edges = edges
        folder.mkdir()

    def write(self, result: FrameResult) -> None:
        """Write one file; raises OSError."""
        import OpenEXR

        nothing = np.zeros((self._source.height, self._source.width), np.float16)
        channels = {layer(object_id): nothing for object_id in self._object_ids}
        for object_id in result.masks:
            alpha = self._edges.alpha(result.masks[object_id], result.soft.get(object_id))
            channels[layer(object_id)] = alpha.astype(np.float16)
        header = {
            "compression": OpenEXR.ZIP_COMPRESSION,
            "type": OpenEXR.scanlineimage,
            "pixelAspectRatio": float(self._source.pixel_aspect),
        }
        path = self._folder / f"{self._source.frame_name(result.frame)}.exr"
        try:
            with OpenEXR.File(header, channels) as file:
                file.write(str(path))
        except RuntimeError as error:  # which the library raises for a full disk
            path.unlink(missing_ok=True)
            raise OSError(str(error)) from error

    def finish(self) -> None:
        """Do nothing; no file is open."""

    def abort(self) -> None:
        """Do nothing; no file is open."""


def layer(object_id: int) -> str:
    """Name of an object's channel; what comes before the dot is the layer."""
    return f"object_{object_id}.A"
