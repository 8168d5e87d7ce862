"""What every field promises."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.fields.hash_grid import HashGrid, table_rows
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


def test_ranges(evaluated):
    density, colour = evaluated.density, evaluated.colour
    assert density.shape == (38,) and colour.shape == (38, 3)
    assert jnp.all(density >= 0) and jnp.all((colour >= 0) & (colour <= 1))


def test_density_is_zero_outside_the_cube(evaluated):
    assert jnp.all(evaluated.density[-3:] == 0)
    assert jnp.all(evaluated.density[:-3] > 0)


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


def test_coarse_levels_rows_are_distinct_and_fine_ones_hash_as_in_the_paper():
    vertices = jnp.indices((6, 6, 6)).reshape(3, -1).T.astype(jnp.uint32)
    assert len(np.unique(table_rows(vertices, 5, 256))) == 216
    x, y, z = np.asarray(vertices, np.uint64).T
    expected = (x ^ (y * 2654435761) ^ (z * 805459861)) % 128
    np.testing.assert_array_equal(table_rows(vertices, 5, 128), expected)


def test_official_levels_go_from_16_to_4096():
    field = HashGrid()
    assert field.resolution(0) == 16
    assert abs(field.resolution(15) - 4096) <= 1


def test_levels_follow_threestudio_s_schedule():
    """start 8, from step 2000 on one more every 500, of 10,000 steps."""
    field, traces = HashGrid(progressive=(8, 0.2, 0.05)), []

    @jax.jit
    def active(progress):
        traces.append(progress)
        return field.at(progress).active_levels

    for step in (0, 1999, 2000, 2499, 2500, 2501, 2999, 3000, 5500, 5999, 6000, 9000, 10_000):
        expected = min(8 + max(step - 2000, 0) // 500, 16)
        assert active(jnp.float32(step) / 10_000) == expected, step
    assert len(traces) == 1
    assert HASH.at(0.0) is HASH and DenseGrid().at(0.0) == DenseGrid()


def test_hidden_levels_do_not_learn():
    field, params = HASH.replace(progressive=(2, 0.5, 0.25)), HASH.init(jax.random.key(2))

    @jax.jit
    def gradient(progress):
        shown = field.at(progress)
        return jax.grad(lambda p: jnp.sum(shown(p, POINTS, DIRECTIONS)[1]))(params)["tables"]

    for progress, levels in ((0.0, 2), (0.5, 2), (0.8, 3), (1.0, 4)):
        learned = jnp.any(gradient(progress) != 0, axis=(1, 2))
        np.testing.assert_array_equal(learned, np.arange(4) < levels)


def test_inactive_levels_are_silent_without_recompilation():
    params = HASH.init(jax.random.key(2))
    traces = []

    @jax.jit
    def encode(active):
        traces.append(active)
        return HASH.replace(active_levels=active).encode(params, POINTS)

    everything = HASH.encode(params, POINTS)
    for active in (1, 3, 4):
        encoded = encode(active)
        np.testing.assert_allclose(encoded[:, : 2 * active], everything[:, : 2 * active], atol=1e-9)
        assert jnp.all(encoded[:, 2 * active :] == 0)
    assert len(traces) == 1
