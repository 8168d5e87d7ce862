"""One seed of `sample_seeds`, and what its settings change."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.runs.sampling import Sampling, sample_seed, sample_seeds
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")
CAMERAS = tiny.cameras(1, 3)
FIXED = (tiny.PRIOR, tiny.CONDITIONING, CAMERAS)


@partial(jax.jit, static_argnums=1)
def one(seed, sampling):
    return sample_seed(*FIXED, seed, tiny.SIZE, sampling)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_seed_is_a_row_of_all_seeds(eta):
    sampling = Sampling(2.0, steps=6, eta=eta)
    rows = sample_seeds(*FIXED, jnp.arange(3, 5), tiny.SIZE, sampling)
    assert rows.shape == (2, 2, *tiny.SHAPE)
    for row, seed in zip(rows, (3, 4), strict=True):
        np.testing.assert_allclose(one(jnp.int32(seed), sampling), row, atol=1e-5)
    assert np.abs(rows[0] - rows[1]).max() > 0.1
