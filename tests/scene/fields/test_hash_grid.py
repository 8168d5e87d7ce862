"""The hash grid's levels: their rows, and when they are seen."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.fields.hash_grid import HashGrid, table_rows
from tests.scene.fields.test_fields import DIRECTIONS, HASH, POINTS


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
    field = HashGrid(progressive=(8, 0.2, 0.05))
    chex.clear_trace_counter()

    @jax.jit
    @chex.assert_max_traces(n=1)
    def active(progress):
        return field.at(progress).active_levels

    for step in (0, 1999, 2000, 2499, 2500, 2501, 2999, 3000, 5500, 5999, 6000, 9000, 10_000):
        expected = min(8 + max(step - 2000, 0) // 500, 16)
        assert active(jnp.float32(step) / 10_000) == expected, step
    assert HASH.at(0.0) is HASH and DenseGrid().at(0.0) == DenseGrid()


@pytest.mark.slow
def test_hidden_levels_do_not_learn():
    field, params = HASH.replace(progressive=(2, 0.5, 0.25)), HASH.init(jax.random.key(2))

    @jax.jit
    def gradient(progress):
        shown = field.at(progress)
        return jax.grad(lambda p: jnp.sum(shown(p, POINTS, DIRECTIONS)[1]))(params)["tables"]

    for progress, levels in ((0.0, 2), (0.5, 2), (0.8, 3), (1.0, 4)):
        learned = jnp.any(gradient(progress) != 0, axis=(1, 2))
        np.testing.assert_array_equal(learned, np.arange(4) < levels)


@pytest.mark.slow
def test_inactive_levels_are_silent_without_recompilation():
    params = HASH.init(jax.random.key(2))
    chex.clear_trace_counter()

    @jax.jit
    @chex.assert_max_traces(n=1)
    def encode(active):
        return HASH.replace(active_levels=active).encode(params, POINTS)

    everything = HASH.encode(params, POINTS)
    for active in (1, 3, 4):
        encoded = encode(active)
        np.testing.assert_allclose(encoded[:, : 2 * active], everything[:, : 2 * active], atol=1e-9)
        assert jnp.all(encoded[:, 2 * active :] == 0)
