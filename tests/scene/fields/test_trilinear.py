"""Interpolation: linear functions, vertices, the transpose."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.scene.fields import trilinear

RESOLUTION = 5
POINTS = jax.random.uniform(jax.random.key(0), (64, 3), minval=-1, maxval=1)
GRID = jax.random.normal(jax.random.key(1), (RESOLUTION,) * 3 + (2,))
interpolate = jax.jit(trilinear.interpolate)


def vertices():
    axis = np.linspace(-1, 1, RESOLUTION, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)


def test_a_linear_function_is_reproduced():
    matrix = np.float32([[1, -2], [0.5, 3], [2, 1]])
    np.testing.assert_allclose(
        interpolate(jnp.asarray(vertices() @ matrix), POINTS), POINTS @ matrix, atol=1e-5
    )


def test_vertices_have_their_own_values():
    values = interpolate(GRID, jnp.asarray(vertices().reshape(-1, 3)))
    np.testing.assert_allclose(values, GRID.reshape(-1, 2), atol=1e-5)


def test_odd_and_even_numbers_of_points_agree():
    np.testing.assert_array_equal(interpolate(GRID, POINTS)[:63], interpolate(GRID, POINTS[:63]))


@pytest.mark.slow
def test_corner_weights_give_the_same_interpolation():
    corner, weights = trilinear.corners(POINTS, RESOLUTION)
    x, y, z = np.moveaxis(corner, -1, 0)
    values = np.sum(weights[..., None] * np.asarray(GRID)[x, y, z], axis=0)
    np.testing.assert_allclose(jnp.sum(weights, axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(interpolate(GRID, POINTS), values, atol=1e-5)


@pytest.mark.slow
def test_the_backward_pass_is_the_transpose():
    """<interpolate(g), c> = <g, interpolate^T(c)>, and every point spreads its whole weight."""
    ones = jnp.ones((64, 2))
    gradient = jax.grad(lambda grid: jnp.sum(interpolate(grid, POINTS)))(GRID)
    np.testing.assert_allclose(jnp.sum(gradient, axis=(0, 1, 2)), [64, 64], rtol=1e-5)
    np.testing.assert_allclose(
        jnp.vdot(interpolate(GRID, POINTS), ones), jnp.vdot(GRID, gradient), rtol=1e-4
    )


@pytest.mark.parametrize("point", [[1.0, 1, 1], [-1.0, -1, -1], [7.0, 0, 0], [1e9, -1e9, 0]])
def test_points_on_and_beyond_the_faces_take_the_nearest_face(point):
    point = jnp.array([point])
    clipped = jnp.clip(point, -1, 1)
    np.testing.assert_array_equal(interpolate(GRID, point), interpolate(GRID, clipped))


@pytest.mark.slow
def test_nearest_takes_the_nearest_vertex():
    grid = GRID[..., 0]
    moved = jnp.asarray(vertices().reshape(-1, 3)) * 0.95
    np.testing.assert_array_equal(trilinear.nearest(grid, moved), grid.reshape(-1))
