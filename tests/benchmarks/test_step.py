"""What a step asks of the network, and the work that is timed."""

import jax
import numpy as np
import pytest

from sdjax.benchmarks.evaluations import count_evaluations
from sdjax.benchmarks.method import Method
from sdjax.benchmarks.particles import measure_particles
from sdjax.benchmarks.runs import fresh_particle, spread_steps
from sdjax.benchmarks.step import measure_steps, parts, whole_step
from sdjax.rules.ode import ode_grid
from sdjax.runs.step import train_particle
from tests import tiny
from tests.benchmarks.opened import SMALL, opened
from tests.small_runs import images_config

pytestmark = pytest.mark.usefixtures("quick_compilation")
CACHED = {"rule.ode": "cached"}
GUIDED = {"rule.guidance_scale": 7.5}


def test_cached_dsd_asks_three_times_a_step_and_once_per_node_before():
    counted = count_evaluations(opened(**CACHED), 20)
    assert counted.per_step == counted.pictures_per_step == 3
    assert counted.to_prepare % 10 == 0 and counted.to_prepare > 0


def test_exact_dsd_follows_its_ode_at_every_step():
    """From the top down to t, and three evaluations besides."""
    run = opened(**{"rule.ode": "exact", "rule.ode_steps": 10, "rule.delta": 1e-6})
    counted = count_evaluations(run, 50)
    assert counted.to_prepare == 0
    t = 1000 * np.linspace(0.98, 0.02, 50, endpoint=False)
    expected = np.mean([(ode_grid(10) > t).sum() for t in t]) + 3
    assert counted.per_step == pytest.approx(expected, abs=0.3)


def test_guidance_doubles_the_pictures_of_its_terms():
    counted = count_evaluations(opened(**CACHED, **GUIDED), 4)
    assert (counted.per_step, counted.pictures_per_step) == (3, 4)


def test_the_whole_step_is_that_of_training():
    run = opened(**CACHED)
    work = whole_step(run, 100)
    prior, conditioning, particle, steps = work.arguments
    np.testing.assert_array_equal(steps, np.arange(100))
    trained, log = tiny.jit(work.function)(*work.arguments)
    train = tiny.jit(
        lambda seed: train_particle(run.recipe, prior, conditioning, seed, particle, seed, 100)
    )
    expected, expected_log = train(np.int32(0))
    jax.tree.map(np.testing.assert_array_equal, trained, expected)
    np.testing.assert_array_equal(log.t, expected_log.t)


def test_steps_are_spread_over_the_stage():
    np.testing.assert_array_equal(spread_steps(opened(), 4), [0, 25, 50, 75])


def test_parts_have_gradients_of_what_they_are_given():
    run = opened(**CACHED)
    works = parts(run, 2)
    assert list(works) == ["render", "encode", "rule", "update"]
    shapes = {name: jax.eval_shape(work.function, *work.arguments) for name, work in works.items()}
    params = fresh_particle(run).params
    same = lambda tree, other: jax.tree.map(np.shape, tree) == jax.tree.map(np.shape, other)  # noqa: E731
    assert same(shapes["render"][1], params) and same(shapes["update"][0], params)
    assert shapes["encode"][1].shape == (1, 8, 8, 3)
    assert shapes["rule"][1].shape == (2, 1, 8, 8, 3)


@pytest.fixture
def tiny_priors(monkeypatch):
    monkeypatch.setattr("sdjax.benchmarks.runs.make_embedded", lambda *_: tiny.PRIOR)
    monkeypatch.setattr(
        "sdjax.priors.embedded.EmbeddedPrior.condition", lambda *_: tiny.CONDITIONING
    )


def test_a_row_of_the_table_of_steps(tiny_priors):
    config = images_config(**SMALL, **CACHED)
    (row,) = measure_steps({"dsd": config}, "small", 2, Method(1, 1e-4)).rows
    assert row["run"] == "dsd" and row["evaluations/step"] == 3
    assert row["steps/s"] == pytest.approx(1e3 / row["step, ms"])
    assert all(row[f"{part}, ms"] > 0 for part in ("render", "encode", "rule", "update"))


def test_rows_of_the_table_of_particles(tiny_priors):
    config = images_config(**SMALL, **CACHED)
    section = measure_particles("dsd", config, "small", (3,), [("map", 1)], 2, Method(1, 1e-4))
    one, three = section.rows
    assert (one["particles"], three["particles"]) == (1, 3)
    assert one["ratio to single runs"] == 1
    each = one["ms per particle and step"]
    assert three["ratio to single runs"] == pytest.approx(three["ms per particle and step"] / each)
