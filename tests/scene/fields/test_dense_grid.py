"""The dense grid at another resolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.scene.fields.dense_grid import DenseGrid, resample

POINTS = jax.random.uniform(jax.random.key(0), (64, 3), minval=-1, maxval=1)


@pytest.mark.slow
def test_resampling_to_a_multiple_changes_nothing():
    field = DenseGrid(resolution=5)
    params = {"grid": jax.random.normal(jax.random.key(2), (5,) * 3 + (4,))}
    finer = resample(params, 9)
    assert finer["grid"].shape == (9, 9, 9, 4)
    np.testing.assert_allclose(field.values(finer, POINTS), field.values(params, POINTS), atol=2e-5)


def test_resampling_to_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        resample({"grid": jnp.zeros((4, 4, 4, 4))}, 1)
