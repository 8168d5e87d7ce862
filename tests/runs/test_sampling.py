"""One seed of `sample_seeds`, and what its settings change."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.runs.sampling import (
    DDIM,
    SCHEMA,
    Sampling,
    sample_seed,
    sample_seeds,
    view_cameras,
)
from sdjax.sample import load_config
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")
CAMERAS = tiny.cameras(1, 3)
FIXED = (tiny.PRIOR, tiny.CONDITIONING, CAMERAS)


@partial(jax.jit, static_argnums=1)
def one(seed, sampling):
    return sample_seed(*FIXED, seed, tiny.SIZE, sampling)


@pytest.mark.slow
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_seed_is_a_row_of_all_seeds(eta):
    sampling = Sampling(2.0, steps=6, eta=eta)
    rows = sample_seeds(*FIXED, jnp.arange(3, 5), tiny.SIZE, sampling)
    assert rows.shape == (2, 2, *tiny.SHAPE)
    for row, seed in zip(rows, (3, 4), strict=True):
        np.testing.assert_allclose(one(jnp.int32(seed), sampling), row, atol=1e-5)
    assert np.abs(rows[0] - rows[1]).max() > 0.1


def test_a_camera_per_azimuth_that_is_asked_for():
    """Alike in all else."""
    table = load_config({}, {"camera.azimuths": (0, 90.0, 350.0), "camera.distance": 2.5}).camera
    camera = view_cameras(table)
    np.testing.assert_array_equal(camera.azimuth, [0.0, 90.0, 350.0])
    for name, value in (("elevation", 15.0), ("distance", 2.5), ("fovy", 40.0)):
        np.testing.assert_array_equal(getattr(camera, name), np.float32([value] * 3))


def test_the_fields_of_a_configuration_are_those_of_the_function():
    """What it says nothing about is drawn as by the function itself."""
    config = load_config({})
    assert {name: config[name] for name in Sampling._fields} == Sampling()._asdict()
    assert set(DDIM) < set(SCHEMA) and {"prior", "camera"} <= set(SCHEMA)
