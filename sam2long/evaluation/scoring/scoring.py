"""Scores matched folders and averages over a data set."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sam2long.errors import DatasetError
from sam2long.evaluation.reporting.sheet import Comparison, ScoreSheet, score_sheets
from sam2long.evaluation.scoring.rules import ObjectScore, Rule
from sam2long.video.masks import IGNORED

_SHOWN = 6


@dataclass(frozen=True)
class Measured:
    """The figures of one evaluator for a set of videos.

    Attributes:
        rule: the evaluator's name.
        title: the same for people.
        figures: in percent, by name.
        objects: the scores they average.
    """

    rule: str
    title: str
    figures: dict[str, float]
    objects: tuple[ObjectScore, ...]


def measure(
    comparisons: Iterable[Comparison], rules: Sequence[Rule], workers: int | None = None, guess_ignored: bool = False
) -> list[Measured]:
    """Compare all masks once, and average by every rule.

    Comparisons hold the first and last annotated frames if any rule wants them.

    Args:
        comparisons: what to compare.
        rules: how to average.
        workers: processes; by default one for each core.
        guess_ignored: where the truth of a video has 255 beside other ids, take 255 for "ignore", with a warning.

    Raises:
        DatasetError: masks that cannot be compared, no id in common, or an object that an evaluator would refuse.
    """
    everything = any(rule.all_frames for rule in rules)
    objects: list[list[ObjectScore]] = [[] for _ in rules]
    for whole in score_sheets(comparisons, workers):
        sheet = _without_ignored(whole) if guess_ignored else whole
        _check_ids(sheet)
        for rule, found in zip(rules, objects, strict=True):
            counted = rule.objects(_interior(sheet) if everything and not rule.all_frames else sheet)
            _check(sheet, counted)
            found += counted
    return [
        Measured(rule.name, rule.title, rule.figures(found), tuple(found))
        for rule, found in zip(rules, objects, strict=True)
    ]


def _interior(sheet: ScoreSheet) -> ScoreSheet:
    return replace(sheet, rows=sheet.rows[1:-1])


def _true_ids(sheet: ScoreSheet) -> set[int]:
    return {*sheet.first_ids, *(i for row in sheet.rows for i, cell in row.cells.items() if cell.in_truth)}


def _without_ignored(sheet: ScoreSheet) -> ScoreSheet:
    ids = _true_ids(sheet)
    if IGNORED not in ids or len(ids) < 2:
        return sheet
    warnings.warn(
        f"{sheet.video}: the value {IGNORED} beside other ids of the truth means 'ignore' and counts as background; "
        "with --ignore-id 0 it counts as an object",
        stacklevel=2,
    )
    rows = [replace(row, cells={i: cell for i, cell in row.cells.items() if i != IGNORED}) for row in sheet.rows]
    return replace(sheet, rows=rows, first_ids=tuple(i for i in sheet.first_ids if i != IGNORED))


def _check_ids(sheet: ScoreSheet) -> None:
    """Refuse masks that have no id in common, which would silently score 0."""
    ids = _true_ids(sheet)
    predicted = {i for row in sheet.rows for i, cell in row.cells.items() if cell.in_pred}
    if ids and predicted and not ids & predicted:
        raise DatasetError(
            f"{sheet.video}: ids (pixel values) are {_some(ids)} in the truth, but {_some(predicted)} in the "
            "prediction, none in common; if each side shows one object only, --binary compares them"
        )


def _some(ids: set[int]) -> str:
    listed = sorted(ids)
    return ", ".join(map(str, listed[:_SHOWN])) + (" ..." if len(listed) > _SHOWN else "")


def _check(sheet: ScoreSheet, counted: Sequence[ObjectScore]) -> None:
    """Refuse a video without a score, which would silently lower the average."""
    if not counted or any(math.isnan(item.j_and_f) for item in counted):
        objects = f" of object {sheet.first_ids[0]}" if len(sheet.first_ids) == 1 else ""
        raise DatasetError(
            f"{sheet.video}: no mask{objects} in the truth on any frame that counts, so there is nothing to score"
        )
