"""Detections of supervision: its CSV and JSON sinks, and `supervision.Detections` in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sam2long.errors import PromptError
from sam2long.running.prompts.files.coco import key_of
from sam2long.running.prompts.files.marks import Area, Mark, Shape
from sam2long.running.prompts.files.record import Record, number
from sam2long.running.prompts.files.shapes import corner_box
from sam2long.running.prompts.files.target import Target
from sam2long.tracking.prompting.prompts import check_mask

CORNERS = ("x_min", "y_min", "x_max", "y_max")
FRAME_KEYS = ("frame", "frame_index", "frame_number", "frame_id", "frame_idx", "frame_no")
"""Names of custom data that may hold the frame number; sinks have none of their own."""

_UNTRACKED = (None, "", -1, "-1")


def read_sink_csv(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read the text of a `supervision.CSVSink`; see `read_sink_json`."""
    reader = csv.DictReader(io.StringIO(content), restkey="")
    try:
        rows = [Record({**row}, f"{path}, line {reader.line_num}") for row in reader]
    except csv.Error as error:
        raise PromptError(f"{path}, line {reader.line_num}: bad CSV: {error}") from None
    return _marks(rows, path)


def read_sink_json(path: Path, content: Any, target: Target) -> list[Mark]:
    """Read what a `supervision.JSONSink` has written: a list of boxes with class, track id and custom data.

    Raises:
        PromptError: a row is not as it should be, or no custom data says on which frame it is.
    """
    return _marks([Record(row, f"{path}: [{i}]") for i, row in enumerate(content)], path)


def marks_of(detections: Any, frame: int, target: Target) -> list[Mark]:
    """Marks of a `supervision.Detections`: masks if it has some, else boxes.

    Raises:
        PromptError: it is something else, or a mask has another size than the video.
    """
    where = f"detections on frame {frame}"
    try:
        corners = np.asarray(detections.xyxy, np.float64).reshape(-1, 4)
        columns = {name: getattr(detections, name, None) for name in ("mask", "tracker_id", "class_id")}
        columns["class_name"] = getattr(detections, "data", {}).get("class_name")
    except (AttributeError, TypeError, ValueError):
        raise PromptError(f"expected supervision.Detections, not {type(detections).__name__}") from None
    marks = []
    for i, box in enumerate(corners):
        row = {name: None if column is None else column[i] for name, column in columns.items()}
        at = f"{where}: [{i}]"
        key = None if row["tracker_id"] in _UNTRACKED else int(row["tracker_id"])
        label = row["class_name"] if row["class_id"] is None else row["class_name"] or f"class {row['class_id']}"
        marks.append(Mark(frame, key, None if label is None else str(label), _shape(row, box, at, target), at))
    return marks


def _shape(row: Mapping[str, Any], box: Any, where: str, target: Target) -> Shape:
    if row["mask"] is None:
        return corner_box([float(value) for value in box], where)
    mask = check_mask(np.asarray(row["mask"]), target.size, where)
    return Area(lambda: mask)


def _marks(rows: list[Record], path: Path) -> list[Mark]:
    return list(_each(rows, _frame_key(rows, path)))


def _each(rows: list[Record], frame_key: str) -> Iterator[Mark]:
    for row in rows:
        corners = [number(row.get(name), f"{row.where}: {name}") for name in CORNERS]
        key: Hashable | None = None if row.get("tracker_id") in _UNTRACKED else key_of(row, "tracker_id")
        label = next((str(row.get(k)) for k in ("class_name", "label") if row.get(k) not in (None, "")), None)
        if label is None and row.get("class_id") not in (None, ""):
            label = f"class {row.get('class_id')}"
        yield Mark(row.whole(frame_key), key, label, corner_box(corners, row.where), row.where)


def _frame_key(rows: list[Record], path: Path) -> str:
    for key in FRAME_KEYS:
        if rows and all(row.get(key) not in (None, "") for row in rows):
            return key
    if not rows:
        raise PromptError(f"{path}: nothing is marked")
    raise PromptError(
        f'{path} does not say on which frames the detections are; write sink.append(detections, {{"frame": i}}), or use'
        f" another name of {', '.join(FRAME_KEYS)}"
    )
