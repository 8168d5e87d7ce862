"""What a step asks of the network."""

import numpy as np
import pytest

from sdjax.benchmarks.evaluations import count_evaluations
from sdjax.rules.ode import ode_grid
from tests.benchmarks.opened import CACHED, opened

pytestmark = pytest.mark.usefixtures("quick_compilation")
GUIDED = {"rule.guidance_scale": 7.5}


@pytest.mark.slow
def test_cached_dsd_asks_three_times_a_step_and_once_per_node_before():
    counted = count_evaluations(opened(**CACHED), 20)
    assert counted.per_step == counted.pictures_per_step == 3
    assert counted.to_prepare % 10 == 0 and counted.to_prepare > 0


@pytest.mark.slow
def test_exact_dsd_follows_its_ode_at_every_step():
    """From the top down to t, and three evaluations besides."""
    run = opened(**{"rule.ode": "exact", "rule.ode_steps": 10, "rule.delta": 1e-6})
    counted = count_evaluations(run, 50)
    assert counted.to_prepare == 0
    t = 1000 * np.linspace(0.98, 0.02, 50, endpoint=False)
    expected = np.mean([(ode_grid(10) > t).sum() for t in t]) + 3
    assert counted.per_step == pytest.approx(expected, abs=0.3)


@pytest.mark.slow
def test_guidance_doubles_the_pictures_of_its_terms():
    counted = count_evaluations(opened(**CACHED, **GUIDED), 4)
    assert (counted.per_step, counted.pictures_per_step) == (3, 4)
