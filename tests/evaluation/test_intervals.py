"""Means with their intervals."""

import numpy as np
import pytest
import scipy.stats

from sdjax.evaluation.intervals import Mean, mean_of


def test_the_interval_is_students():
    mean, half, number = mean_of([1.0, 2.0, 3.0])
    assert (mean, number) == (2.0, 3)
    assert half == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)  # of tables, 2 degrees of freedom
    values = np.random.default_rng(0).normal(size=64)
    low, high = scipy.stats.t.interval(0.95, 63, values.mean(), scipy.stats.sem(values))
    mean, half, _ = mean_of(values.tolist())
    assert (mean - half, mean + half) == pytest.approx((low, high))


def test_it_holds_the_truth_in_95_of_100_cases():
    draws = np.random.default_rng(0).normal(size=(2000, 5))
    found = [mean_of(row.tolist()) for row in draws]
    held = np.mean([abs(one.mean) <= one.half for one in found])
    assert held == pytest.approx(0.95, abs=0.015)


def test_what_is_not_known_does_not_count():
    assert mean_of([None, 2.0, None, 2.0]) == Mean(2.0, 0.0, 2)
    assert mean_of([3.0]) == Mean(3.0, None, 1)
    assert mean_of([]) is None and mean_of([None]) is None
