"""Writes masks as NumPy arrays in one compressed file."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sam2long.results.result import FrameResult
from sam2long.results.writers.base import ResultWriter
from sam2long.results.writers.spool import Spool
from sam2long.video.source import VideoSource


class NpzWriter(ResultWriter):
    """A file for `np.load` with one entry per frame, so that reading it also needs memory for one frame only:

        data = np.load("masks.npz")
        for frame in data["frames"]:
            masks = data[f"frame_{frame:06d}"]  # bool [objects, height, width], in the order of data["object_ids"]

    `times` holds one time in seconds per frame. An object that does not exist yet has an empty mask.
    """

    def __init__(self, path: Path, source: VideoSource, spool: Spool, object_ids: Sequence[int]) -> None:
        self._shape = (source.height, source.width)
        self._spool = spool
        self._object_ids = sorted(object_ids)
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)

    def write(self, result: FrameResult) -> None:
        """Add one frame; raises OSError."""
        nothing = np.zeros(self._shape, bool)
        header = {"descr": "|b1", "fortran_order": False, "shape": (len(self._object_ids), *self._shape)}
        with self._zip.open(f"frame_{result.frame:06d}.npy", "w", force_zip64=True) as entry:
            np.lib.format.write_array_header_1_0(entry, header)
            for object_id in self._object_ids:  # one at a time: together they may not fit in memory
                entry.write(np.ascontiguousarray(result.masks.get(object_id, nothing)).data)

    def finish(self) -> None:
        """Add frames, times and object_ids; raises OSError."""
        frames = list(self._spool.frames())
        self._add("frames", np.array([frame for frame, _ in frames], np.int64))
        self._add("times", np.array([time for _, time in frames], np.float64))
        self._add("object_ids", np.array(self._object_ids, np.int64))
        self._zip.close()

    def abort(self) -> None:
        """Close the file as it is; never raises."""
        with contextlib.suppress(OSError, ValueError):
            self._zip.close()

    def _add(self, name: str, values: npt.NDArray[np.generic]) -> None:
        with self._zip.open(f"{name}.npy", "w", force_zip64=True) as entry:
            np.lib.format.write_array(entry, values, allow_pickle=False)
