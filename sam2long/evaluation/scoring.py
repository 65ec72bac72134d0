"""From matched folders to the figures of a data set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sam2long.errors import DatasetError
from sam2long.evaluation.drivers import ObjectScore, Rule
from sam2long.evaluation.sheet import Comparison, ScoreSheet, score_sheets


@dataclass(frozen=True)
class Measured:
    """What one evaluator says about a set of videos.

    Attributes:
        rule: the evaluator's name.
        title: the same for people.
        figures: in percent, by name.
        objects: what they are means of.
    """

    rule: str
    title: str
    figures: dict[str, float]
    objects: tuple[ObjectScore, ...]


def measure(comparisons: Iterable[Comparison], rules: Sequence[Rule], workers: int | None = None) -> list[Measured]:
    """Compare all masks once, and average by every rule.

    Comparisons hold the first and last annotated frames if any rule wants them.

    Raises:
        DatasetError: masks that cannot be compared, or an object that an evaluator would refuse.
    """
    everything = any(rule.all_frames for rule in rules)
    objects: list[list[ObjectScore]] = [[] for _ in rules]
    for sheet in score_sheets(comparisons, workers):
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


def _check(sheet: ScoreSheet, counted: Sequence[ObjectScore]) -> None:
    """A video without a score would only make the average smaller."""
    if not counted or any(math.isnan(item.j_and_f) for item in counted):
        objects = f" of object {sheet.first_ids[0]}" if len(sheet.first_ids) == 1 else ""
        raise DatasetError(
            f"{sheet.video}: no mask{objects} in the truth on any frame that counts, so there is nothing to score"
        )
