from __future__ import annotations

import math

import numpy as np
import pytest

from training.judging.statistics import average_precision, bootstrap_interval, spearman


def test_average_precision_by_hand() -> None:
    positive = np.array([True, False, True, False])
    assert average_precision(np.array([4.0, 3.0, 2.0, 1.0]), positive) == pytest.approx((1 + 2 / 3) / 2)
    assert math.isnan(average_precision(np.ones(2), np.zeros(2, bool)))


def test_spearman() -> None:
    values = np.array([0.1, 0.5, 0.2, 0.9])
    assert spearman(values, np.exp(values)) == pytest.approx(1)
    assert spearman(values, -values) == pytest.approx(-1)
    assert spearman(np.array([1.0, 2.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0, 4.0])) == pytest.approx(0.9486833)
    assert math.isnan(spearman(values, np.ones(4)))


def test_bootstrap_interval_covers_the_mean_and_shrinks() -> None:
    few = np.random.default_rng(0).normal(3, 1, 10)
    low, high = bootstrap_interval(few)
    assert low < few.mean() < high
    many_low, many_high = bootstrap_interval(np.tile(few, 100))
    assert many_high - many_low < (high - low) / 5
