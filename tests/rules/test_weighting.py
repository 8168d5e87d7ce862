"""The weightings as formulas of alphas_cumprod, and as the official code evaluates them."""

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.rules import weighting
from tests import reference

SCHEDULE = reference.table_schedule()
ABAR = np.asarray(SCHEDULE.alphas_cumprod, np.float64)
FORMULAS = {
    "one_minus_alpha_cumprod": 1.0 - ABAR,
    "constant": np.ones(1000),
    "sigma": np.sqrt(1.0 - ABAR),
    "snr": ABAR / (1.0 - ABAR),
    "fantasia3d": np.sqrt(ABAR) * (1.0 - ABAR),
    "sigma_over_alpha": np.sqrt((1.0 - ABAR) / ABAR),
    "alpha_over_sigma": np.sqrt(ABAR / (1.0 - ABAR)),
    "alpha_times_sigma": np.sqrt(ABAR * (1.0 - ABAR)),
    "alpha_cumprod_over_sigma": ABAR / np.sqrt(1.0 - ABAR),
    "one_minus_alpha": 1.0 - np.sqrt(ABAR),
    "sqrt_alpha_one_minus_alpha": np.sqrt(np.sqrt(ABAR)) * (1.0 - np.sqrt(ABAR)),
}


def test_every_weighting_is_looked_at():
    public = {name for name, value in vars(weighting).items() if callable(value)}
    defined = {n for n in public if vars(weighting)[n].__module__ == weighting.__name__}
    assert set(FORMULAS) == defined - {"scaled"} == weighting.WEIGHTINGS.keys()


@pytest.mark.parametrize("name", FORMULAS)
def test_a_setting_names_the_function(name):
    function = getattr(weighting, name)
    assert weighting.WEIGHTING.read(name, 1) is function
    assert weighting.WEIGHTING.written(function) == name


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    timesteps = [0, 20, 500, 980, 999]
    ours = [getattr(weighting, name)(SCHEDULE, jnp.asarray(t)) for t in timesteps]
    np.testing.assert_allclose(ours, FORMULAS[name][timesteps], rtol=1e-4)
    assert all(w.dtype == jnp.float32 and w.shape == () for w in ours)


def test_scaled():
    half = weighting.scaled(weighting.sigma, 0.5)
    ours = half(SCHEDULE, jnp.asarray(500))
    np.testing.assert_allclose(ours, 0.5 * FORMULAS["sigma"][500], rtol=1e-6)
