import numpy as np

from sdjax.benchmarks.runs import spread_steps
from tests.benchmarks.opened import opened


def test_steps_are_spread_over_the_stage():
    np.testing.assert_array_equal(spread_steps(opened(), 4), [0, 25, 50, 75])
