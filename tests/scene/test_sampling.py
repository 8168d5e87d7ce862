"""Geometry of the cube, and intervals that tile it."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from sdjax.scene import sampling

FEW = settings(max_examples=40, deadline=None, derandomize=True)
coordinates = arrays(np.float32, 3, elements=st.floats(-4, 4, width=32))
# many exact zeros and axes: the rays that divide by zero
components = arrays(np.float32, 3, elements=st.sampled_from([0, 0, 1, -1, 0.3, -0.7, 1e-12]))
histograms = arrays(np.float32, 8, elements=st.floats(0, 1, width=32))

interval = jax.jit(sampling.cube_interval, static_argnums=2)
importance = jax.jit(sampling.importance_edges, static_argnums=3)
EDGES = jnp.linspace(1, 3, 9)


@pytest.mark.slow
@FEW
@given(coordinates, components, st.sampled_from([0.5, 1.0, 2.0]))
def test_the_interval_is_where_the_ray_is_in_the_cube(origin, direction, radius):
    norm = np.linalg.norm(direction)
    direction = direction / norm if norm > 1e-6 else np.float32([1, 0, 0])
    near, far = interval(origin, direction, radius)
    assert 0 <= near <= far < 20
    distances = np.linspace(0, 12, 2000, dtype=np.float32)
    inside = np.max(np.abs(origin + distances[:, None] * direction), axis=1) < radius - 1e-3
    assert np.all((near <= distances[inside]) & (distances[inside] <= far))
    middle = origin + 0.5 * (near + far) * direction
    assert near == far or np.max(np.abs(middle)) < radius + 1e-4


@FEW
@given(arrays(np.float32, 3, elements=st.floats(-1.875, 1.875, width=32)), components)
def test_a_ray_from_inside_starts_at_once_and_ends_on_a_face(origin, direction):
    norm = np.linalg.norm(direction)
    direction = direction / norm if norm > 1e-6 else np.float32([1, 0, 0])
    near, far = interval(origin, direction, 2.0)
    assert near == 0 and far > 0.1
    np.testing.assert_allclose(np.max(np.abs(origin + far * direction)), 2, rtol=1e-5)


def test_a_ray_that_misses_has_no_length():
    near, far = interval(jnp.array([3.0, 0, 5.0]), jnp.array([-1.0, 0, 0]))
    assert near == far == 3


@pytest.mark.parametrize("key", [None, jax.random.key(0)])
def test_uniform_edges_tile_the_interval(key):
    near, far = jnp.array([1.0, 2.0]), jnp.array([3.0, 2.0])
    edges = sampling.uniform_edges(sampling.draw_jitter(key, (2,)), near, far, 5)
    np.testing.assert_array_equal(edges[:, 0], near)
    np.testing.assert_array_equal(edges[:, -1], far)
    assert jnp.all(jnp.diff(edges[0]) > 0)
    assert jnp.all(edges[1] == 2)


def test_jittered_edges_are_unbiased():
    keys = jax.random.split(jax.random.key(1), 4000)

    @jax.vmap
    def draw(key):
        jitter = sampling.draw_jitter(key, ())
        return sampling.uniform_edges(jitter, jnp.zeros(()), jnp.ones(()), 4)

    np.testing.assert_allclose(jnp.mean(draw(keys), axis=0), jnp.linspace(0, 1, 5), atol=0.005)


@FEW
@given(histograms)
def test_importance_edges_tile_the_interval_in_order(weights):
    edges = importance(sampling.draw_jitter(jax.random.key(2), ()), weights, EDGES, 5)
    assert edges[0] == EDGES[0] and edges[-1] == EDGES[-1]
    assert jnp.all(jnp.diff(edges) > 0)


@FEW
@given(histograms)
def test_importance_edges_have_equal_mass(weights):
    """The edges are the quantiles of the padded histogram, by numpy's own interpolation."""
    widened = np.pad(weights, 1, mode="edge").astype(np.float64)
    upper = np.maximum(widened[:-1], widened[1:])
    widened = 0.5 * (upper[:-1] + upper[1:]) + 1e-6
    mass = 0.8 * widened / widened.sum() + 0.2 / 8
    expected = np.interp(np.arange(6) / 5, np.append(0, np.cumsum(mass)), EDGES)
    np.testing.assert_allclose(importance(None, weights, EDGES, 5), expected, atol=2e-5)


def test_a_spike_attracts_the_samples_but_starves_nothing():
    spike = jnp.zeros(8).at[4].set(1.0)
    edges = importance(None, spike, EDGES, 100)
    near_spike = (edges > EDGES[3]) & (edges < EDGES[6])
    assert jnp.sum(near_spike) > 80  # of 100: the padding is a fifth
    assert jnp.max(jnp.diff(edges)) <= 0.25 / 2.5 + 1e-5  # a bin of 0.25 has a mass of 2.5 %


def test_an_empty_ray_is_sampled_evenly():
    edges = importance(None, jnp.zeros(8), EDGES, 4)
    np.testing.assert_allclose(edges, jnp.linspace(1, 3, 5), atol=1e-5)
