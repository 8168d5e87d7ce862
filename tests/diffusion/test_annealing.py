"""Annealed timesteps are those of the official code, step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion import annealing
from tests import reference

TOTAL_STEPS = 10000


@pytest.mark.parametrize(
    ("file", "case", "anneal"),
    [
        ("sds", "anneal_sqrt_min0.3", annealing.sqrt(0.98, 0.3)),
        ("sdi", "anneal_linear_min0.25", annealing.linear(0.98, 0.25)),
        ("dsd", "anneal_sqrt_min0.32", annealing.sqrt(0.98, 0.32)),
        ("dsd", "anneal_linear_min0.32", annealing.linear(0.98, 0.32)),
    ],
)
def test_recorded_timesteps(file, case, anneal, x64):
    recorded = reference.load(file)[case]
    bounds = next(value for name, value in recorded.items() if name.startswith("min_max_step"))
    progress = recorded["global_step"] / TOTAL_STEPS
    key = jax.random.key(0)
    double = [int(anneal(key, jnp.asarray(p, jnp.float64))) for p in progress]
    single = [int(anneal(key, jnp.asarray(p, jnp.float32))) for p in progress]
    np.testing.assert_array_equal(bounds[:, 0], bounds[:, 1])
    np.testing.assert_array_equal(double, bounds[:, 0])
    np.testing.assert_allclose(single, bounds[:, 0], atol=1)


def test_uniform_reaches_exactly_the_recorded_bounds():
    low, high = reference.load("sds")["anneal_none"]["min_max_step"][0]
    draw = jax.vmap(annealing.uniform(0.02, 0.98), in_axes=(0, None))
    t = draw(jax.random.split(jax.random.key(0), 20000), jnp.float32(0.0))
    assert (t.min(), t.max()) == (low, high)


def test_along_visits_every_entry_once():
    anneal = annealing.along(jnp.asarray([900, 500, 100]))
    key = jax.random.key(0)
    assert [int(anneal(key, jnp.float32(step / 3))) for step in range(3)] == [900, 500, 100]
