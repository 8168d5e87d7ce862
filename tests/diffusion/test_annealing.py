"""Annealed timesteps are those of the official code, step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion import annealing
from tests import reference

TOTAL_STEPS = 10000


def recorded_annealings() -> list[tuple[str, str]]:
    """The files and cases that hold annealed bounds, as `anneal_<name>_min<t_min>`."""
    return [
        (file, case)
        for file in ("sds", "sdi", "dsd")
        for case in reference.load(file)
        if case.startswith("anneal_") and "_min" in case
    ]


@pytest.mark.parametrize(("file", "case"), recorded_annealings())
def test_recorded_timesteps(file, case, x64):
    name, t_min = case.removeprefix("anneal_").split("_min")
    anneal = getattr(annealing, name)(0.98, float(t_min))
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
