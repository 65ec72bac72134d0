"""How far the scores can be believed: predicted against true IoU, and the object score against presence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.judging.evaluate import FrameFacts

Numbers = npt.NDArray[np.float64]

_BINS = 10
_FEWEST = 10
"""Frames that a point of the plot stands for at least."""


def reliability(said: Numbers, true: Numbers) -> tuple[Numbers, Numbers, npt.NDArray[np.int64]]:
    """Mean of what was said and of what was true in each tenth of 0..1 that holds enough frames, and their number.

    Args:
        said: float [frames], 0..1.
        true: float [frames], 0..1.
    """
    bins = np.minimum((said * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    kept = counts >= _FEWEST
    means = [np.bincount(bins, weights=values, minlength=_BINS)[kept] / counts[kept] for values in (said, true)]
    return means[0], means[1], counts[kept]


def plot_reliability(facts: dict[str, Sequence[FrameFacts]], picture: Path) -> None:
    """Draw both plots, a line for each group of frames."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(8, 3.6), dpi=100)
    for name, frames in facts.items():
        shown = [frame for frame in frames if not frame.absent]
        pairs = [
            (left, [frame.predicted_iou for frame in shown], [frame.true_iou for frame in shown]),
            (right, [presence(frame.object_score) for frame in frames], [not frame.absent for frame in frames]),
        ]
        for axes, said, true in pairs:
            x, y, _ = reliability(np.array(said, np.float64).clip(0, 1), np.array(true, np.float64))
            axes.plot(x, y, "o-", ms=3, lw=1, label=name)
    left.set(xlabel="predicted IoU", ylabel="true IoU, object visible", xlim=(0, 1), ylim=(0, 1))
    right.set(xlabel="sigmoid of the object score", ylabel="share with the object", xlim=(0, 1), ylim=(0, 1))
    for axes in (left, right):
        axes.plot([0, 1], [0, 1], color="grey", lw=0.5)
    left.legend(fontsize=8)
    figure.tight_layout()
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture)
    pyplot.close(figure)


def presence(object_score: float) -> float:
    """Probability that the object is there, as the object score says."""
    return float(1 / (1 + np.exp(-object_score)))
