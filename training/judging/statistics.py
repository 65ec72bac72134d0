"""Statistics of a table of scores: how sure a difference is, and how well a score ranks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

_RESAMPLES = 10_000


def bootstrap_interval(differences: Numbers, seed: int = 0) -> tuple[float, float]:
    """95% interval of the mean of float [n], from 10,000 resamples with replacement."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(differences), size=(_RESAMPLES, len(differences)))
    low, high = np.quantile(differences[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def average_precision(scores: Numbers, positive: npt.NDArray[np.bool_]) -> float:
    """Mean precision at the rank of every positive, highest score first; NaN if there is none."""
    if not positive.any():
        return float("nan")
    hits = positive[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def spearman(a: Numbers, b: Numbers) -> float:
    """Correlation of the ranks of two float [n]; equal values share their mean rank. NaN if one is constant."""
    first, second = _ranks(a), _ranks(b)
    if not np.ptp(first) or not np.ptp(second):
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: Numbers) -> Numbers:
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle: Numbers = last - (counts - 1) / 2
    return middle[index]
