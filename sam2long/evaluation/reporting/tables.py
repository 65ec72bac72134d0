"""Scores as text tables, CSV and JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from sam2long.evaluation.scoring.rules import ObjectScore
from sam2long.evaluation.scoring.scoring import Measured

NO_FIGURE = "-"


def figure(value: float | None, digits: int = 1) -> str:
    """Format a figure for a table; a dash if there is none."""
    return NO_FIGURE if value is None or math.isnan(value) else f"{value:.{digits}f}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Format a table as plain text: first column left-aligned, others right-aligned; the first row is the header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The same as Markdown."""
    head, *body = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([head, "| --- " * len(rows[0]) + "|", *body])


def figures_table(measured: Measured) -> str:
    """All figures of one evaluator, in percent with one digit."""
    head = [measured.title, *measured.figures]
    return aligned([head, [f"{count(len(measured.objects), 'object')}", *map(figure, measured.figures.values())]])


def count(number: int, noun: str) -> str:
    """A number and its noun: `1 object`, `2 objects`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def objects_csv(objects: Sequence[ObjectScore]) -> str:
    """One row per object: video, object, J&F, J, F in percent with six digits, frames."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["video", "object", "J&F", "J", "F", "frames", "group"])
    for item in objects:
        scores = (100 * value for value in (item.j_and_f, item.mean_j, item.mean_f))
        writer.writerow([item.video, item.object_id, *(f"{value:.6f}" for value in scores), len(item.j), item.group])
    return text.getvalue()


def as_json(measured: Measured) -> dict[str, object]:
    """Figures and objects as JSON values, unrounded; None where there is no figure."""
    return {
        "rule": measured.rule,
        "figures": {name: _number(value) for name, value in measured.figures.items()},
        "objects": [
            {
                "video": item.video,
                "object": item.object_id,
                "J&F": _number(100 * item.j_and_f),
                "J": _number(100 * item.mean_j),
                "F": _number(100 * item.mean_f),
                "frames": len(item.j),
            }
            for item in measured.objects
        ],
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
