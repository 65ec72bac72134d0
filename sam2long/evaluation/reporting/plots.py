"""Plots of an experiment as SVG text."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sam2long.evaluation.experiment import VariantResult
from sam2long.evaluation.scoring.rules import ObjectScore

BINS = 20


def scores_over_time(objects: Sequence[ObjectScore], bins: int = BINS) -> npt.NDArray[np.float64]:
    """Mean J&F (percent) in equal parts of the objects' time, first mask to last: float64 [bins].

    Every object weighs the same in a part; one with fewer frames than parts lends each part its nearest frame.
    """
    curves = [_curve((item.j + item.f) / 2, bins) for item in objects]
    means: npt.NDArray[np.float64] = 100 * np.mean(curves, axis=0)
    return means


def _curve(scores: npt.NDArray[np.float64], bins: int) -> npt.NDArray[np.float64]:
    ends = np.linspace(0, len(scores), bins + 1)
    starts = np.minimum(ends[:-1].astype(int), len(scores) - 1)
    stops = np.maximum(np.ceil(ends[1:]).astype(int), starts + 1)
    return np.array([scores[start:stop].mean() for start, stop in zip(starts, stops, strict=True)])


def time_plot(results: Sequence[VariantResult]) -> str:
    """J&F over normalised time, a line for each variant."""
    figure, axes = _axes("time, first mask to last", "J&F (%)")
    middles = (np.arange(BINS) + 0.5) / BINS
    for result in results:
        axes.plot(middles, scores_over_time(result.measured[0].objects), label=result.variant.label)
    axes.set_xlim(0, 1)
    axes.legend(frameon=False)
    return _svg(figure)


def sweep_plot(results: Sequence[VariantResult]) -> str:
    """J&F of each variant, in their order, and relative speed on a second axis."""
    figure, axes = _axes("", "J&F (%)")
    labels = [result.variant.label for result in results]
    axes.plot(labels, [result.measured[0].figures["J&F"] for result in results], marker="o")
    speeds = [result.frames_per_second for result in results]
    if all(speeds):
        other = axes.twinx()
        other.bar(labels, [(speed or 0) / (speeds[0] or 1) for speed in speeds], alpha=0.15, width=0.5)
        other.set_ylabel("relative speed (bars)")
    return _svg(figure)


def _axes(x: str, y: str):  # type: ignore[no-untyped-def]  # matplotlib is not typed here
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    return figure, axes


def _svg(figure) -> str:  # type: ignore[no-untyped-def]
    text = io.StringIO()
    figure.savefig(text, format="svg")
    drawn = text.getvalue()
    return drawn[drawn.index("<svg") :]
