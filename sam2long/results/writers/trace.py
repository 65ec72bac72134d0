"""Writes the scores of every mask as a CSV table, row by row."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Collection
from pathlib import Path

from sam2long.results.observation import observe
from sam2long.results.result import FrameResult
from sam2long.results.trace_file import COLUMNS, trace_row
from sam2long.results.writers.base import ResultWriter


class TraceWriter(ResultWriter):
    """Writes one row per object and frame, in the order of writing; `read_trace` reads the file.

    Args:
        path: path of the CSV file.
        prompted: (frame, object id) of every prompt; the caller may add to it before the frame is written.
    """

    def __init__(self, path: Path, prompted: Collection[tuple[int, int]]) -> None:
        self._prompted = prompted
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(COLUMNS)

    def write(self, result: FrameResult) -> None:
        """Add the rows of one frame; raises OSError."""
        prompted = [object_id for object_id in result.masks if (result.frame, object_id) in self._prompted]
        self._rows.writerows(trace_row(item) for item in observe(result, prompted))

    def finish(self) -> None:
        """Complete the file; raises OSError."""
        self._file.close()

    def abort(self) -> None:
        """Close the file as it is; never raises."""
        with contextlib.suppress(OSError):
            self._file.close()
