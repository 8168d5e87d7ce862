"""The flat maps of space: equal areas, and shells of distance."""

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.rules.noise.surface_maps import equal_area, layer_of


@pytest.mark.slow
def test_equal_areas_of_the_sphere_stay_equal():
    """An even square of points on the sphere, unrolled: the same number in every part."""
    points = np.random.default_rng(0).normal(size=(40_000, 3)).astype(np.float32)
    flat = np.asarray(equal_area(jnp.asarray(points), -1.0))
    counts, _, _ = np.histogram2d(*flat[:, :2].T, bins=8, range=[[-1, 1], [-1, 1]])
    assert counts.sum() == 40_000
    assert np.abs(counts - 625).max() < 5 * 625**0.5
    np.testing.assert_allclose(flat[:, 2], -np.linalg.norm(points, axis=1), rtol=1e-6)


@pytest.mark.slow
def test_a_face_between_two_shells_is_in_that_of_its_mean():
    depth = jnp.asarray([[0.1, 0.2, 0.2], [0.2, 0.3, 0.4], [-0.9, -1.2, -1.5]])
    np.testing.assert_array_equal(layer_of(depth, 4, drop_straddling=False), [0, 1, 3])
    np.testing.assert_array_equal(layer_of(depth, 4, drop_straddling=True), [0, -1, 3])
