"""Paces of the official schedules, recorded through whole runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion import annealing, pace
from tests import reference

SCHEDULES = reference.load("timestep_schedules")
PACES = {
    "linear_2d": pace.piecewise((0.0, 1.0), (0.0, 1.0)),
    "linear_two_stage": pace.piecewise((0.0, 0.5, 1.0), (0.0, 0.4, 0.6)),
    "dreamtime_default": pace.dreamtime(),
    "dreamtime_700": pace.dreamtime(700.0, 400.0, 100.0, 200.0),
    "sqrt": pace.square_root,
}


def recorded_schedule(name):
    """Progress, the recorded fractions of t, and the timesteps that they round to."""
    arrays = SCHEDULES[name]
    progress = jnp.asarray(arrays["global_step"] / arrays["global_step"].max(), jnp.float64)
    return progress, arrays["t_percent"], arrays["t_of_1000"]


@pytest.mark.slow
@pytest.mark.parametrize("name", PACES)
def test_paces_are_those_of_the_official_schedules(name, x64):
    progress, fractions, timesteps = recorded_schedule(name)
    t_min, key = 0.3 if name == "sqrt" else 0.02, jax.random.key(0)
    done = jnp.stack([PACES[name](key, p) for p in progress])
    ours = (0.98 - t_min) * (1.0 - done) + t_min
    np.testing.assert_allclose(ours, fractions[:, 0], atol=1e-12)
    anneal = annealing.annealed(PACES[name], 0.98, t_min, rounding=jnp.round)
    np.testing.assert_array_equal([int(anneal(key, p)) for p in progress], timesteps)
    single = [int(anneal(key, p.astype(jnp.float32))) for p in progress]
    np.testing.assert_allclose(single, timesteps, atol=1)


@pytest.mark.parametrize("name", ["default", "700"])
def test_dreamtime_table(name):
    settings = {"default": (800, 400, 100, 150), "700": (700, 400, 100, 200)}[name]
    recorded = SCHEDULES[f"dreamtime_{name}"]["dreamtime_table"]
    np.testing.assert_allclose(pace.dreamtime_table(*settings, 1000), recorded, atol=1e-14)
