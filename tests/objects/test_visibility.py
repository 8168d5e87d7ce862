"""Normals are gradients, and what is nearest hides the rest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjax.objects.model import Object, to_model
from sdjax.objects.visibility import first_hit
from tests.objects.random_solids import (
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
    facing = (np.asarray(hit.normal) * directions).sum(0)[seen]
    assert np.all(facing < 0.03)


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
