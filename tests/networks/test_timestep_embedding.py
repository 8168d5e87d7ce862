"""The sinusoids of the timestep against their equation."""

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.networks.timestep_embedding import sinusoids

TIMESTEPS = jnp.asarray([0, 1, 500, 999])


@pytest.mark.parametrize("features", [8, 9])
@pytest.mark.parametrize("freq_shift", [0, 1])
@pytest.mark.parametrize("flip", [True, False])
def test_equation(features, freq_shift, flip):
    n = features // 2
    frequencies = 10000.0 ** (-np.arange(n) / (n - freq_shift))
    angles = np.outer(TIMESTEPS, frequencies)
    halves = [np.cos(angles), np.sin(angles)] if flip else [np.sin(angles), np.cos(angles)]
    expected = np.concatenate([*halves, np.zeros((4, features % 2))], axis=1)
    actual = sinusoids(TIMESTEPS, features, flip_sin_to_cos=flip, freq_shift=freq_shift)
    assert actual.dtype == jnp.float32
    np.testing.assert_allclose(actual, expected, atol=1e-4)
