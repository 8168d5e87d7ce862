"""What every field promises."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.fields.hash_grid import HashGrid
from sdjax.scene.fields.mlp import MLP
from sdjax.scene.normals import normals

HASH = HashGrid(levels=4, base_resolution=4, per_level_scale=2.0, log2_table_size=8)
FIELDS = [DenseGrid(resolution=8), HASH, MLP(frequencies=2, width=16, layers=2)]
POINTS = jnp.concatenate(
    [
        jax.random.uniform(jax.random.key(0), (32, 3), minval=-1, maxval=1),
        jnp.array([[0.0, 0, 0], [1, 1, 1], [-1, 0, 0], [1.01, 0, 0], [0, -50, 0], [0.2, 0, 2]]),
    ]
)
DIRECTIONS = jnp.broadcast_to(jnp.array([0.0, 0, 1]), POINTS.shape)


class Evaluated(NamedTuple):
    """One field at POINTS, everything from one compilation."""

    density: jax.Array
    colour: jax.Array
    raw: jax.Array
    proposal: jax.Array
    gradients: tuple  # of sum(density) + sum(colour), by params and by points
    normals: tuple  # of a steep blob: exact, by differences


@pytest.fixture(params=FIELDS, ids=lambda field: type(field).__name__, scope="module")
def evaluated(request):
    field = request.param
    steep = field.replace(blob_scale=100.0)

    @jax.jit
    def evaluate(params):
        def total(params, points):
            density, colour = field(params, points, DIRECTIONS)
            return jnp.sum(density) + jnp.sum(colour), (density, colour)

        gradients, (density, colour) = jax.grad(total, (0, 1), has_aux=True)(params, POINTS)
        raw, proposal = field.raw_density(params, POINTS), field.proposal_density(params, POINTS)
        steps = (None, 0.01)
        found = [normals(partial(steep.raw_density, params), POINTS[:32], step) for step in steps]
        return Evaluated(density, colour, raw, proposal, gradients, tuple(found))

    return evaluate(field.init(jax.random.key(1)))


@pytest.mark.slow
def test_ranges(evaluated):
    density, colour = evaluated.density, evaluated.colour
    assert density.shape == (38,) and colour.shape == (38, 3)
    assert jnp.all(density >= 0) and jnp.all((colour >= 0) & (colour <= 1))


@pytest.mark.slow
def test_density_is_zero_outside_the_cube(evaluated):
    assert jnp.all(evaluated.density[-3:] == 0)
    assert jnp.all(evaluated.density[:-3] > 0)


@pytest.mark.slow
def test_gradients_are_finite_everywhere_and_reach_the_params(evaluated):
    leaves = jax.tree.leaves(evaluated.gradients)
    assert all(jnp.all(jnp.isfinite(leaf)) for leaf in leaves)
    assert all(jnp.any(leaf != 0) for leaf in leaves)


def test_proposals_and_raw_density_follow_the_density(evaluated):
    inside = evaluated.density[:-3]
    np.testing.assert_allclose(jax.nn.softplus(evaluated.raw)[:-3], inside, rtol=1e-5)
    np.testing.assert_allclose(evaluated.proposal[:-3], inside, rtol=0.3, atol=1e-3)
    assert jnp.all(evaluated.proposal[-3:] == 0)


def test_a_fresh_field_is_grey(evaluated):
    np.testing.assert_allclose(evaluated.colour[:-3], 0.5, atol=0.25)


def test_normals_of_the_blob_are_unit_and_point_outwards(evaluated):
    outwards = POINTS[:32] / jnp.linalg.norm(POINTS[:32], axis=1, keepdims=True)
    for found in evaluated.normals:
        assert jnp.min(jnp.sum(found * outwards, axis=1)) > 0.9
        np.testing.assert_allclose(jnp.linalg.norm(found, axis=1), 1, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: type(field).__name__)
def test_a_larger_cube_stretches_what_is_learned_but_not_the_blob(field):
    larger, params = field.replace(radius=2.0), field.init(jax.random.key(3))
    np.testing.assert_array_equal(larger.blob(POINTS), field.blob(POINTS))
    density, colour = larger(params, 2 * POINTS, DIRECTIONS)
    raw = field.values(params, POINTS)[:, 0] + field.blob(2 * POINTS)
    np.testing.assert_allclose(larger.raw_density(params, 2 * POINTS), raw, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(density[:-3], jax.nn.softplus(raw)[:-3], rtol=1e-4)
    assert jnp.all(density[:-3] > 0) and jnp.all(density[-3:] == 0)
    assert jnp.all(larger.proposal_density(params, 2 * POINTS)[-3:] == 0)
    np.testing.assert_allclose(colour, field(params, POINTS, DIRECTIONS)[1], atol=1e-6)


def test_the_blob_is_magic3d_s():
    blob = MLP(blob_scale=10.0, blob_radius=0.5).blob(
        jnp.array([[0.0, 0, 0], [0.5, 0, 0], [0, 1, 0]])
    )
    np.testing.assert_allclose(blob, [10, 0, -10], atol=1e-4)
