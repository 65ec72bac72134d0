"""trace.csv: one row per object and frame of a run, in the order in which the frames were decided."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from sam2long.errors import UserError
from sam2long.results.observation import Observation

TRACE_FILE = "trace.csv"
COLUMNS = (
    "frame",
    "time",
    "object",
    "area",
    "object_score",
    "predicted_iou",
    "disagreement",
    "lead",
    "prompted",
    "new_scene",
)
_OLDER = COLUMNS[:-1]
"""Columns of traces written before scene cuts were detected."""


class TraceError(UserError):
    """A trace that is missing or cannot be read."""


def trace_row(item: Observation) -> tuple[int | str, ...]:
    """Return the cells of a row in the order of `COLUMNS`; six digits, `inf` for a lead without a rival."""
    scores = (item.object_score, item.iou, item.disagreement, item.lead)
    return (
        item.frame,
        f"{item.time:.6f}",
        item.object_id,
        item.area,
        *(f"{score:.6g}" for score in scores),
        int(item.prompted),
        int(item.new_scene),
    )


def read_trace(path: str | Path) -> Iterator[Observation]:
    """Yield the rows of a trace one at a time, in file order.

    Raises:
        TraceError: the file does not exist or is not a trace.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            columns = tuple(next(rows, ()))
            if columns not in (COLUMNS, _OLDER):
                raise TraceError(f"{path} is not a sam2long trace; its first line must be {','.join(COLUMNS)}")
            for row in rows:
                cells = row if columns == COLUMNS else [*row, "0"]
                yield _observation(cells, f"{path}, line {rows.line_num}")
    except FileNotFoundError as error:
        raise TraceError(f"trace {path} does not exist; sam2long track writes one into its output folder") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"the trace {path} cannot be read: {error}") from error


def _observation(row: list[str], where: str) -> Observation:
    try:
        frame, time, object_id, area, object_score, iou, disagreement, lead, prompted, new_scene = row
        return Observation(
            frame=int(frame),
            time=float(time),
            object_id=int(object_id),
            area=int(area),
            object_score=float(object_score),
            iou=float(iou),
            disagreement=float(disagreement),
            lead=float(lead),
            prompted=bool(int(prompted)),
            new_scene=bool(int(new_scene)),
        )
    except ValueError as error:
        raise TraceError(f"{where} is damaged: {error}") from error
