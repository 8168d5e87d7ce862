"""Normals are gradients, and what is nearest hides the rest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjax.objects.model import Object, to_model
from sdjax.objects.shapes import ring
from sdjax.objects.visibility import first_hit
from tests.objects.random_solids import (
    COLOUR,
    level,
    random_polyhedron,
    random_round,
    random_torus,
    random_vessel,
)
from tests.objects.test_intersection import random_rays

find_first = jax.jit(first_hit)


def numeric_normal(solid, points):
    step = 1e-4 * np.eye(3)
    gradient = [level(solid, points + d) - level(solid, points - d) for d in step]
    gradient = np.stack(gradient, 1)
    return gradient / np.linalg.norm(gradient, axis=1, keepdims=True)


@pytest.mark.parametrize("make", [random_polyhedron, random_round, random_vessel, random_torus])
@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31))
def test_normals_are_the_gradient_of_the_level(make, seed):
    random = np.random.default_rng(seed)
    solid = jax.tree.map(np.float64, make(random))
    origin, directions = random_rays(random)
    model = to_model(Object("thing", (), (jax.tree.map(np.float32, solid),)))
    hit = find_first(model, origin, directions)
    seen = np.isfinite(hit.depth)
    points = origin + np.where(seen, hit.depth, 0)[:, None] * directions.T
    agreement = (numeric_normal(solid, points) * np.asarray(hit.normal).T).sum(1)[seen]
    assert np.sum(agreement < 0.99) < 5  # at an edge, the numeric gradient is of either side
    # sphere tracing also stops shortly before a surface that it grazes
    reached = seen & (np.abs(level(solid, points)) < 1e-4)
    facing = (np.asarray(hit.normal) * directions).sum(0)[reached]
    assert np.mean(reached) > 0.9 * np.mean(seen) and np.all(facing < 1e-3)


@pytest.mark.parametrize("cut", [-2.0, 0.0])
def test_the_outermost_circle_of_a_ring_has_the_normals_of_the_ring(cut):
    """There it touches the sphere where tracing begins, as it begins at the cut elsewhere."""
    ring_of_1 = ring((0.0, 0.0, 0.0), 1.0, 0.2, COLOUR, np.eye(3), (1.0, 1.0, 1.0), cut)
    model = to_model(Object("ring", (), (ring_of_1,)))
    azimuth = np.deg2rad(np.linspace(-20.0, 20.0, 401))
    points = 1.2 * np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros(401)])
    origin = np.float32([3.0, 0.0, 0.0])
    hit = find_first(model, origin, np.float32(points - origin[:, None]))
    np.testing.assert_allclose(hit.depth, 1.0, atol=3e-3)
    np.testing.assert_allclose(hit.normal, points / 1.2, atol=0.02)


def test_the_nearest_of_all_kinds_is_seen():
    random = np.random.default_rng(0)
    makers = (random_polyhedron, random_round, random_vessel, random_torus)
    solids = tuple(make(random) for make in makers for _ in range(2))
    origin, directions = random_rays(random)
    together = find_first(to_model(Object("heap", (), solids)), origin, directions)
    alone = [find_first(to_model(Object("one", (), (s,))), origin, directions) for s in solids]
    depths = np.stack([hit.depth for hit in alone])
    np.testing.assert_array_equal(together.depth, depths.min(0))
    seen = np.isfinite(depths.min(0))
    normals = np.stack([hit.normal for hit in alone])[depths.argmin(0), :, np.arange(seen.size)]
    np.testing.assert_allclose(np.asarray(together.normal).T[seen], normals[seen], atol=1e-5)


def test_an_object_with_too_many_solids_is_refused():
    random = np.random.default_rng(0)
    tori = tuple(random_torus(random) for _ in range(5))
    with pytest.raises(ValueError, match="the red thing has 5 solids of kind Torus, at most 4"):
        to_model(Object("thing", ("red",), tori))


def test_colour_is_that_of_the_face():
    random = np.random.default_rng(1)
    solid = random_vessel(random)
    lined = solid._replace(inner=solid.inner._replace(colour=np.float32([0, 0, 1])))
    origin, directions = random_rays(random)
    hit = find_first(to_model(Object("cup", (), (lined,))), origin, directions)
    colours = np.asarray(hit.colour).T[np.isfinite(hit.depth)]
    assert {tuple(c) for c in colours} <= {(0.0, 0.0, 1.0), tuple(solid.outer.colour.tolist())}
    assert jnp.isfinite(hit.normal).all()
