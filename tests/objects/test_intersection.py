"""Closed forms against marching along the ray with what it means to be inside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjax.objects.intersection import (
    enter_polyhedron,
    enter_round,
    enter_torus,
    enter_vessel,
)
from sdjax.objects.shapes import box
from tests.objects.random_solids import (
    COLOUR,
    level,
    random_polyhedron,
    random_round,
    random_torus,
    random_vessel,
)

RAYS = 200
STEP = 0.004
KINDS = {
    "polyhedron": (random_polyhedron, jax.jit(enter_polyhedron)),
    "round": (random_round, jax.jit(enter_round)),
    "vessel": (random_vessel, jax.jit(enter_vessel)),
    "torus": (random_torus, jax.jit(enter_torus)),
}


def random_rays(random):
    """Unit directions from a point at distance 3 to points near the origin."""
    origin = random.normal(size=3)
    origin *= 3 / np.linalg.norm(origin)
    directions = random.uniform(-0.7, 0.7, (RAYS, 3)) - origin
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.float32(origin), np.float32(directions.T)


def march(solid, origin, directions):
    """The first depth inside, in steps of `STEP`; infinite where there is none."""
    depths = np.arange(1.5, 4.5, STEP)
    points = origin + depths[:, None, None] * directions.T[None]
    inside = level(solid, points.reshape(-1, 3)).reshape(len(depths), RAYS) <= 0
    return np.where(inside.any(0), depths[inside.argmax(0)], np.inf)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31))
def test_first_entry_is_the_one_found_by_marching(kind, seed):
    random = np.random.default_rng(seed)
    make, enter = KINDS[kind]
    solid = make(random)
    origin, directions = random_rays(random)
    depth = np.asarray(enter(jax.tree.map(jnp.asarray, solid), origin, directions).depth)
    marched = march(solid, origin, directions)

    hit, found = np.isfinite(depth), np.isfinite(marched)
    entry = origin + np.where(hit, depth, 0)[:, None] * directions.T
    assert np.all(np.abs(level(solid, entry)[hit]) < 0.02)  # the entry is on the surface
    both = hit & found
    assert np.all(marched[both] - depth[both] < 2 * STEP + 1e-3)  # and marching finds it at once,
    assert np.all(depth[both] - marched[both] < 5e-3)  # or a later one past a grazed corner
    assert np.mean(hit != found) < 0.03  # chords shorter than a step


@pytest.mark.slow
def test_a_ray_parallel_to_a_face_hits_or_misses_by_where_it_runs():
    solid = box((0.0, 0.3, 0.0), (0.4, 0.2, 0.4), COLOUR)
    directions = jnp.asarray([[-1.0, 0.0, 0.0], [-1.0, -0.0, -0.0]]).T
    outside = enter_polyhedron(solid, jnp.asarray([3.0, 0.0, 0.0]), directions)
    inside = enter_polyhedron(solid, jnp.asarray([3.0, 0.3, 0.0]), directions)
    assert np.all(np.isinf(outside.depth))
    np.testing.assert_allclose(inside.depth, 2.8, rtol=1e-6)


@pytest.mark.slow
def test_solids_behind_the_origin_are_not_hit():
    solid = box((0.0, 0.0, 0.0), (0.4, 0.2, 0.4), COLOUR)
    away = jnp.asarray([[1.0, 0.0, 0.0]]).T
    assert np.isinf(enter_polyhedron(solid, jnp.asarray([3.0, 0.0, 0.0]), away).depth[0])
