"""Rendering: closed forms, determinism, gradients, particles."""

from functools import partial

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from sdjax.cameras import Camera
from sdjax.scene.background import Learned
from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.fields.hash_grid import HashGrid
from sdjax.scene.nerf import NeRF

from .shapes import Ball, Fog

SIZE = 8
FEW = settings(max_examples=15, deadline=None, derandomize=True)
SMALL = NeRF(field=DenseGrid(resolution=6), background=Learned(), samples=6, proposals=8)


def camera(azimuth=30.0, elevation=20.0, distance=3.2, fovy=40.0):
    return Camera(*(jnp.float32(value) for value in (azimuth, elevation, distance, fovy)))


@partial(jax.jit, static_argnums=(4,))
def render(nerf, params, view, key=None, size=SIZE):
    return nerf.render(params, view, key, size, size)


@jax.jit
def image_and_gradient(nerf, params, view, key):
    def loss(params):
        rendering = nerf.render(params, view, key, SIZE, SIZE)
        return jnp.sum(rendering.colour**2) + jnp.sum(rendering.depth), rendering

    (_, rendering), gradient = jax.value_and_grad(loss, has_aux=True)(params)
    return rendering, gradient


def finite(tree):
    return all(jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree))


@pytest.mark.slow
@pytest.mark.parametrize("proposals", [0, 8])
def test_fog_has_the_opacity_of_its_chord(proposals):
    """Opacity 1 - exp(-sigma * length), its own colour, whatever the samples."""
    nerf = NeRF(field=Fog(), samples=6, proposals=proposals)
    out = render(nerf, nerf.init(jax.random.key(0)), camera(0.0, 0.0), jax.random.key(1), 3)
    middle = -np.expm1(-0.7 * 2)
    np.testing.assert_allclose(out.opacity[1, 1, 0], middle, rtol=1e-5)
    chord = jnp.sum(out.samples.deltas, axis=-1)
    np.testing.assert_allclose(out.opacity[..., 0], -jnp.expm1(-0.7 * chord), rtol=1e-5)
    expected = middle * np.array([0.8, 0.4, 0.2]) + 1 - middle
    np.testing.assert_allclose(out.colour[1, 1], expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("distance", [0.001, 1.5, 3.0])
def test_a_larger_cube_may_hold_the_camera(distance):
    """Opacity 1 - exp(-sigma * length) over the part of the cube in front of the camera."""
    nerf = NeRF(field=Fog(radius=2.0), samples=6, proposals=8)
    view = camera(0.0, 0.0, distance)
    out = render(nerf, nerf.init(jax.random.key(0)), view, jax.random.key(1), 3)
    length = min(distance, 2.0) + 2
    np.testing.assert_allclose(out.opacity[1, 1, 0], -np.expm1(-0.7 * length), rtol=1e-4)


@pytest.mark.slow
def test_a_ball_looks_the_same_in_a_larger_cube():
    small, large = (
        render(NeRF(field=field, samples=64, proposals=128), {"field": {}, "background": {}}, view)
        for field, view in ((Ball(), camera()), (Ball(radius=2.0), camera()))
    )
    np.testing.assert_allclose(large.opacity, small.opacity, atol=0.02)
    covered = small.opacity[..., 0] > 0.99
    np.testing.assert_allclose(large.depth[covered], small.depth[covered], atol=0.01)
    inside = render(
        NeRF(field=Ball(radius=2.0)), {"field": {}, "background": {}}, camera(0, 0, 1.5)
    )
    np.testing.assert_allclose(inside.depth[4, 4, 0], 1.0, atol=0.08)


@pytest.mark.slow
def test_a_ball_is_seen_where_it_is():
    nerf = NeRF(field=Ball(), samples=32, proposals=64, normals=True)
    out = render(nerf, nerf.init(jax.random.key(0)), camera(), None, 32)
    assert out.opacity[16, 16, 0] > 0.999 and out.opacity[0, 0, 0] == 0
    # density 1000 s at depth s: light ends Rayleigh-distributed, sqrt(pi / 2000) deep
    np.testing.assert_allclose(out.depth[16, 16, 0], 2.7 + np.sqrt(np.pi / 2000), atol=0.005)
    # the silhouette's solid angle: sin(half angle) = radius / distance
    pixel = 2 * np.tan(np.deg2rad(20)) / 32
    area = np.pi * np.tan(np.arcsin(0.5 / 3.2)) ** 2
    np.testing.assert_allclose(jnp.sum(out.opacity) * pixel**2, area, rtol=0.03)
    np.testing.assert_allclose(out.colour[16, 16], [0.8, 0.4, 0.2], atol=1e-3)
    np.testing.assert_array_equal(out.colour[0, 0], [1, 1, 1])
    surface = out.opacity[..., 0] > 0.99
    facing = -jnp.sum(out.normal * out.samples.directions, axis=-1)
    assert jnp.all(facing[surface] > 0)
    np.testing.assert_allclose(facing[16, 16], 1, atol=0.01)


@pytest.mark.slow
@FEW
@given(
    st.sampled_from([0.0, 45.0, 90.0, 271.3]),
    st.sampled_from([-90.0, 0.0, 12.0, 90.0]),
    st.sampled_from([1e-3, 0.5, 1.0, 3.2, 100.0]),
    st.sampled_from([1.0, 40.0, 170.0]),
    st.sampled_from([-300.0, 0.0, 1e5]),
)
def test_extreme_views_and_densities_stay_finite(azimuth, elevation, distance, fovy, value):
    params = SMALL.init(jax.random.key(0))
    params["field"]["grid"] = params["field"]["grid"].at[..., 0].add(value)
    view = camera(azimuth, elevation, distance, fovy)
    rendering, gradient = image_and_gradient(SMALL, params, view, jax.random.key(1))
    assert finite(rendering) and finite(gradient)
    assert jnp.all((rendering.colour >= 0) & (rendering.colour <= 1 + 1e-5))
    assert jnp.all((rendering.opacity >= 0) & (rendering.opacity <= 1 + 1e-5))


@pytest.mark.slow
def test_normals_have_finite_second_gradients():
    nerf = SMALL.replace(proposals=0, normals=True, perturbation=0.01)

    @jax.jit
    def gradient(params):
        def loss(params):
            out = nerf.render(params, camera(), jax.random.key(1), SIZE, SIZE)
            return jnp.sum(out.normal[..., 0]) + jnp.sum(out.samples.perturbed_normals[..., 1])

        return jax.grad(loss)(params)

    params = nerf.init(jax.random.key(0))
    assert finite(gradient(params)) and jnp.any(gradient(params)["field"]["grid"] != 0)
    flat = jax.tree.map(jnp.zeros_like, params)
    assert finite(gradient(flat))


@pytest.mark.slow
def test_gradients_are_those_of_finite_differences(x64):
    """With the samples held still (they are placed without gradients)."""
    nerf = SMALL.replace(proposals=0)
    params = jax.tree.map(lambda p: p.astype(jnp.float64), nerf.init(jax.random.key(0)))
    towards = jax.random.normal(jax.random.key(2), params["field"]["grid"].shape, jnp.float64)
    view = Camera(*(jnp.float64(value) for value in (30, 20, 3.2, 40)))

    @jax.jit
    def along(step):
        moved = params | {"field": {"grid": params["field"]["grid"] + step * towards}}
        return jnp.sum(nerf.render(moved, view, None, SIZE, SIZE).colour ** 2)

    slope = (along(1e-5) - along(-1e-5)) / 2e-5
    np.testing.assert_allclose(jax.jit(jax.grad(along))(0.0), slope, rtol=1e-6)


@pytest.mark.slow
def test_progress_reaches_the_field():
    field = HashGrid(levels=3, base_resolution=4, log2_table_size=6, progressive=(1, 0.0, 0.4))
    nerf = NeRF(field=field, samples=4, proposals=6)
    params = nerf.init(jax.random.key(0))
    params["field"]["tables"] = 1e4 * params["field"]["tables"]
    view = camera(37.3, 11.9)
    shown = jax.jit(lambda p: nerf.render(params, view, None, 4, 4, progress=p).colour)
    for progress, active in ((0.0, 1), (0.5, 2), (1.0, 3)):
        fixed = nerf.replace(field=field.replace(progressive=None, active_levels=active))
        expected = jax.jit(lambda p, fixed=fixed: fixed.render(p, view, None, 4, 4).colour)(params)
        np.testing.assert_allclose(shown(progress), expected, atol=1e-5)
    assert jnp.max(jnp.abs(shown(0.0) - shown(1.0))) > 0.01
    last = jax.jit(lambda p: nerf.render(p, view, None, 4, 4).colour)(params)  # as when finished
    np.testing.assert_allclose(last, shown(1.0), atol=1e-5)


@pytest.mark.slow
def test_no_key_means_the_same_picture_and_a_key_means_jitter():
    params = SMALL.init(jax.random.key(0))
    first, again = (render(SMALL, params, camera()) for _ in range(2))
    np.testing.assert_array_equal(first.colour, again.colour)
    drawn = [render(SMALL, params, camera(), jax.random.key(k)).colour for k in (1, 1, 2)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert jnp.any(drawn[0] != drawn[2]) and jnp.any(drawn[0] != first.colour)


@pytest.mark.slow
def test_particles_are_independent_of_each_other():
    keys = jax.random.split(jax.random.key(3), 2)
    params = jax.vmap(SMALL.init)(keys)
    both = jax.jit(jax.vmap(lambda p, k: SMALL.render(p, camera(), k, SIZE, SIZE)))(params, keys)
    for index in range(2):
        alone = render(SMALL, jax.tree.map(lambda p: p[index], params), camera(), keys[index])  # noqa: B023
        np.testing.assert_allclose(both.colour[index], alone.colour, atol=1e-6)


@pytest.mark.slow
def test_the_learned_background_learns():
    params = SMALL.init(jax.random.key(0))
    _, gradient = image_and_gradient(SMALL, params, camera(), jax.random.key(1))
    assert all(jnp.any(leaf != 0) for leaf in jax.tree.leaves(gradient["background"]))
