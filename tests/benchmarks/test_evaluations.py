"""What a step asks of the network."""

import numpy as np
import pytest

from sdjax.benchmarks.evaluations import count_evaluations
from sdjax.rules.ode import ode_grid
from tests.benchmarks.opened import CACHED, opened

pytestmark = pytest.mark.usefixtures("quick_compilation")
GUIDED = {"rule.guidance_scale": 7.5}


@pytest.mark.slow
@pytest.mark.parametrize(("at", "calls"), [("node", 1), ("t_delta", 2)])
def test_cached_dsd_asks_once_a_step_at_nodes_and_once_per_node_before(at, calls):
    """For two predictions at once, and between nodes for the one on the ODE first."""
    counted = count_evaluations(opened(**CACHED, **{"rule.ode_at": at}), 20)
    assert (counted.per_step, counted.pictures_per_step) == (calls, calls + 1)
    assert counted.to_prepare % 10 == 0 and counted.to_prepare > 0


@pytest.mark.slow
def test_simulated_dsd_follows_its_ode_at_every_step():
    """From the top down to t, and two calls besides."""
    fields = {"ode": "simulated", "ode_at": "t_delta", "ode_steps": 10, "delta": 1e-6}
    run = opened(**{f"rule.{name}": value for name, value in fields.items()})
    counted = count_evaluations(run, 50)
    assert counted.to_prepare == 0
    t = 1000 * np.linspace(0.98, 0.02, 50, endpoint=False)
    expected = np.mean([(ode_grid(10) > t).sum() for t in t]) + 2
    assert counted.per_step == pytest.approx(expected, abs=0.3)


@pytest.mark.slow
def test_guidance_doubles_the_pictures_of_its_terms():
    counted = count_evaluations(opened(**CACHED, **GUIDED, **{"rule.ode_at": "t_delta"}), 4)
    assert (counted.per_step, counted.pictures_per_step) == (2, 4)


@pytest.mark.slow
def test_dsd_at_the_published_scales_is_one_call_of_three_pictures():
    """s needs the prompt and none, 1 the prompt alone."""
    nodes = {"rule.ode_at": "node", "rule.base_guidance_scale": 1.0}
    counted = count_evaluations(opened(**CACHED, **GUIDED, **nodes), 4)
    assert (counted.per_step, counted.pictures_per_step) == (1, 3)
