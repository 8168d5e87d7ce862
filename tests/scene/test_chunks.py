"""Rays in chunks give what they give at once."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.scene.background import Learned, Random
from sdjax.scene.chunks import chunk_size, map_chunks
from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.fields.hash_grid import HashGrid
from sdjax.scene.nerf import NeRF
from sdjax.scene.shading import PointLight

pytestmark = pytest.mark.usefixtures("quick_compilation")
VIEW = Camera(*(jnp.float32(value) for value in (33.3, 21.7, 1.8, 52.1)))
FIELDS = {
    "dense": DenseGrid(resolution=6, radius=2.0),
    "hash": HashGrid(
        levels=3, base_resolution=4, log2_table_size=7, radius=2.0, progressive=(1, 0.0, 0.4)
    ),
}


def test_the_largest_divisor():
    assert [chunk_size(12, most) for most in (1, 5, 7, 11, 12, 100)] == [1, 4, 6, 6, 12, 12]
    assert chunk_size(512 * 512, 4096) == 4096


def test_every_ray_comes_back_to_its_place():
    rays = jnp.arange(24.0).reshape(4, 6)
    sizes = []

    def double(rays):
        sizes.append(rays[0].shape)
        return 2 * rays[0], jnp.stack([rays[1], -rays[1]], axis=-1)

    doubled, stacked = map_chunks(double, (rays, rays), 10)
    np.testing.assert_array_equal(doubled, 2 * rays)
    np.testing.assert_array_equal(stacked[..., 1], -rays)
    assert set(sizes) == {(8,)}


def picture_and_gradient(nerf, params, key):
    view = Camera(*(jnp.float64(value) for value in (33.3, 21.7, 1.8, 52.1)))

    def loss(params):
        out = nerf.render(params, view, key, 12, 10, progress=0.5)
        smooth = 0.0 if key is None else jnp.mean(out.samples.perturbed_normals**3)
        total = jnp.sum(jnp.sin(5 * out.colour)) + jnp.mean(out.depth) + jnp.sum(out.normal**3)
        return total + smooth + jnp.mean(out.samples.weights * out.samples.distances), out

    return jax.jit(jax.grad(loss, has_aux=True))(params)


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("field", [pytest.param("dense", marks=pytest.mark.long), "hash"])
def test_chunks_change_neither_the_picture_nor_its_gradient(field, training, x64):
    """In double precision: a ReLU at its kink makes more of a rounding than there is."""
    whole = NeRF(
        field=FIELDS[field],
        background=Random(Learned()),
        samples=5,
        proposals=7,
        normals=True,
        normal_step=0.05,
        perturbation=0.01,
        shading=PointLight(probability=1.0, textureless=0.0),
    )
    params = jax.tree.map(lambda p: p.astype(jnp.float64), whole.init(jax.random.key(0)))
    key = jax.random.key(4) if training else None
    expected = picture_and_gradient(whole, params, key)
    found = picture_and_gradient(whole.replace(chunk=32), params, key)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    assert found[1].samples.weights.shape == (12, 10, 5)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-7, atol=1e-9), found, expected)


@pytest.mark.slow
def test_particles_and_views_may_be_mapped_over_chunks():
    nerf = NeRF(field=FIELDS["dense"], samples=4, proposals=5, chunk=16)
    params = jax.vmap(nerf.init)(jax.random.split(jax.random.key(0), 2))
    render = lambda nerf: jax.jit(  # noqa: E731
        jax.vmap(lambda p, k: nerf.render(p, VIEW, k, 8, 8).colour)
    )(params, jax.random.split(jax.random.key(1), 2))
    np.testing.assert_allclose(render(nerf), render(nerf.replace(chunk=None)), atol=1e-5)


@pytest.mark.slow
def test_chunks_bound_the_memory():
    def temporary(chunk):
        nerf = NeRF(field=FIELDS["hash"], samples=8, proposals=8, chunk=chunk)
        params = nerf.init(jax.random.key(0))
        picture = lambda p: jnp.sum(nerf.render(p, VIEW, jax.random.key(1), 48, 48).colour ** 2)  # noqa: E731
        compiled = jax.jit(jax.grad(picture)).lower(params).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporary(144) < 0.4 * temporary(None)
