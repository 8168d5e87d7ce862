"""A mean, and how far it may be from that of all runs that could have been made."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95


class Mean(NamedTuple):
    """`mean` +- `half` is the interval; `half` is None of fewer than two values."""

    mean: float
    half: float | None
    number: int


def mean_of(values: Iterable[float | int | None]) -> Mean | None:
    """The mean of n values with its 95 % interval by Student's t:

        half = t_{0.975, n - 1} s / sqrt(n),    s^2 = sum (x - mean)^2 / (n - 1).

    Values of None do not count; None where there is no other.  The values are taken for independent
    draws: of the seeds of several prompts the interval is that of these prompts, not of others.
    """
    known = np.array([value for value in values if value is not None], np.float64)
    if not len(known):
        return None
    number, mean = len(known), float(known.mean())
    if number == 1:
        return Mean(mean, None, 1)
    quantile = stdtrit(number - 1, 0.5 + 0.5 * CONFIDENCE)
    return Mean(mean, float(quantile * known.std(ddof=1) / np.sqrt(number)), number)
