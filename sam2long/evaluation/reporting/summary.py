"""The results of an experiment, as tables with published figures beside the measured ones, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from sam2long.evaluation.experiment import VariantResult
from sam2long.evaluation.reporting.published import SAM2LONG_PAPER, SAM2LONG_README, PublishedRow, published_rows
from sam2long.evaluation.reporting.tables import NO_FIGURE, aligned, as_json, figure, markdown
from sam2long.version import VERSION

_MAIN_FIGURES = ("J&F", "AUC", "AO")
_PAPER = (SAM2LONG_README, SAM2LONG_PAPER)
_PACKAGES = ("torch", "numpy", "opencv-python-headless", "pillow")


@dataclass(frozen=True)
class Table:
    """Rows of text with a header; the first column names the row, the others are figures."""

    title: str
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """For a terminal."""
        return aligned([(self.title, *self.rows[0][1:]), *self.rows[1:]])

    def markdown(self) -> str:
        """For a page."""
        return markdown([(self.title, *self.rows[0][1:]), *self.rows[1:]])


def tables(dataset: str, results: Sequence[VariantResult], every_published: bool = False) -> list[Table]:
    """One table for each evaluator: measured rows, the gain over the first, and published rows.

    Args:
        dataset: title of the data set.
        results: one row each.
        every_published: all published rows rather than those of the SAM2Long authors.
    """
    return [
        _table(dataset, results, number, every_published)
        for number in range(min((len(result.measured) for result in results), default=0))
    ]


def _table(dataset: str, results: Sequence[VariantResult], number: int, every_published: bool) -> Table:
    rule, title = results[0].measured[number].rule, results[0].measured[number].title
    names = list(results[0].measured[number].figures)
    timed = any(result.frames_per_second for result in results)
    rows = [("", *names, *(("frames/s", "speed") if timed else ()))]
    fastest = results[0].frames_per_second
    for result in results:
        speed = result.frames_per_second
        cells = [figure(result.measured[number].figures[name]) for name in names]
        relative = f"{speed / fastest:.2f}x" if speed and fastest else NO_FIGURE
        rows.append((result.variant.label, *cells, *((figure(speed), relative) if timed else ())))
    blanks = ("",) * (2 if timed else 0)
    if len(results) == 2 and results[0].variant.is_greedy:
        low, high = (result.measured[number].figures for result in results)
        rows.append(("gain", *(f"{high[name] - low[name]:+.1f}" for name in names), *blanks))
    for row in published_rows(dataset, rule):
        if every_published or row.source in _PAPER:
            rows.append((_published_label(row), *(_published_figure(row, name) for name in names), *blanks))
    return Table(title, tuple(rows))


def _published_label(row: PublishedRow) -> str:
    return f"published: {row.method}" + ("" if row.rule else ", evaluator unknown")


def _published_figure(row: PublishedRow, name: str) -> str:
    if name in _MAIN_FIGURES:
        return figure(row.score)
    return figure({"J": row.j, "F": row.f, **dict(row.groups)}.get(name))


def results_json(
    dataset: str, settings: Mapping[str, object], results: Sequence[VariantResult], environment: Mapping[str, str]
) -> dict[str, object]:
    """Everything, unrounded, as JSON values."""
    rules = {measured.rule for result in results for measured in result.measured}
    return {
        "dataset": dataset,
        "settings": dict(settings),
        "environment": dict(environment),
        "variants": [
            {
                "label": result.variant.label,
                "tree": asdict(result.variant.tree),
                "frames_per_second": result.frames_per_second,
                "missing_predictions": result.missing,
                "measured": [as_json(measured) for measured in result.measured],
            }
            for result in results
        ],
        "published": [asdict(row) for rule in sorted(rules) for row in published_rows(dataset, rule)],
    }


def results_csv(results: Sequence[VariantResult]) -> str:
    """One row for each variant, evaluator and object: J&F, J, F in percent with six digits, frames."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["variant", "evaluator", "video", "object", "J&F", "J", "F", "frames"])
    for result in results:
        for measured in result.measured:
            for item in measured.objects:
                scores = [f"{100 * value:.6f}" for value in (item.j_and_f, item.mean_j, item.mean_f)]
                row = [result.variant.label, measured.rule, item.video, item.object_id, *scores, len(item.j)]
                writer.writerow(row)
    return text.getvalue()


def environment() -> dict[str, str]:
    """Versions and hardware."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed as a package"
    return {
        "sam2long": VERSION,
        "python": platform.python_version(),
        **versions,
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "accelerator": _accelerator(),
    }


def _accelerator() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
