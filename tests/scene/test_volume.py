"""Theorems of emission and absorption."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from sdjax.scene import volume

COUNT = 6
FEW = settings(max_examples=30, deadline=None, derandomize=True)
densities = arrays(np.float32, COUNT, elements=st.floats(0, 1e6, width=32))
lengths = arrays(np.float32, COUNT, elements=st.floats(0, 1, width=32))

weights = jax.jit(volume.weights)


@jax.jit
def composite(sigma, delta, values):
    return volume.composite(volume.weights(sigma, delta), values)


@jax.jit
def gradients(sigma, delta, values):
    def image(sigma, delta):
        w = volume.weights(sigma, delta)
        depth = volume.expected_depth(w, values, jnp.float32(3.0))
        return jnp.sum(volume.composite(w, values[:, None])) + depth

    return jax.grad(image, (0, 1))(sigma, delta)


@FEW
@given(densities, lengths)
def test_weights_sum_to_the_opacity_of_the_total_thickness(sigma, delta):
    thickness = np.sum(sigma.astype(np.float64) * delta)
    w = weights(sigma, delta)
    assert jnp.all(w >= 0)
    np.testing.assert_allclose(jnp.sum(w), -np.expm1(-thickness), atol=2e-6)


@FEW
@given(densities, lengths)
def test_gradients_are_finite(sigma, delta):
    for gradient in gradients(sigma, delta, jnp.linspace(0, 1, COUNT)):
        assert jnp.all(jnp.isfinite(gradient))


@FEW
@given(st.floats(0, 50), st.floats(0.01, 3))
def test_constant_density_gives_the_closed_form(sigma, length):
    delta = np.full(COUNT, length / COUNT, np.float32)
    w = weights(np.full(COUNT, sigma, np.float32), delta)
    np.testing.assert_allclose(jnp.sum(w), -np.expm1(-sigma * length), atol=1e-6)


@FEW
@given(
    arrays(np.float32, COUNT, elements=st.floats(0, 100, width=32)), lengths, st.floats(0.0, 1.0)
)
def test_splitting_every_interval_changes_nothing(sigma, delta, share):
    values = np.linspace(0, 1, 3 * COUNT, dtype=np.float32).reshape(COUNT, 3)
    split = np.stack([share * delta, (1 - share) * delta], axis=1).reshape(-1)
    whole = composite(sigma, delta, values)
    parts = composite(np.repeat(sigma, 2), split.astype(np.float32), np.repeat(values, 2, axis=0))
    np.testing.assert_allclose(whole, parts, atol=2e-6)


def test_a_thin_interval_before_a_dense_one_keeps_its_weight():
    w = weights(np.float32([0.1, 1e6, 5.0]), np.float32([1, 1, 1]))
    np.testing.assert_allclose(w, [-np.expm1(-0.1), np.exp(-0.1), 0], rtol=1e-6)


def test_depth_of_an_empty_ray_is_the_far_bound():
    depth = volume.expected_depth(jnp.zeros(COUNT), jnp.ones(COUNT), jnp.float32(4.0))
    assert depth == 4


def test_over_blends_by_opacity():
    colour = volume.over(jnp.full((1, 3), 0.25), jnp.full((1, 1), 0.5), jnp.ones((1, 3)))
    np.testing.assert_allclose(colour, 0.75)


def test_the_mean_depth_is_that_of_what_is_seen():
    """However thin it is; the expected depth tends to the far bound."""
    distances = jnp.asarray([1.0, 2.0, 3.0])
    for share in (1.0, 0.01):
        w = share * jnp.asarray([0.0, 0.5, 0.5])
        np.testing.assert_allclose(volume.mean_depth(w, distances), 2.5, rtol=1e-6)
        expected = volume.expected_depth(w, distances, jnp.float32(9.0))
        np.testing.assert_allclose(expected, share * 2.5 + (1.0 - share) * 9.0, rtol=1e-6)
    assert volume.mean_depth(jnp.zeros(3), distances) == 0.0
