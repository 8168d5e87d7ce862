"""Surface noise against the recordings of the official generator, and what it is for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax import cameras
from sdjax.cameras import Camera
from sdjax.rules.contract import View
from sdjax.rules.noise import surface_noise
from sdjax.rules.noise.surface_noise import Maps, corner_points, surface
from tests import tiny
from tests.reference import assert_matches, channels_last
from tests.rules.noise.recorded_surface import CASES, LAYERS, POINTS, SCENE, SIZE, TEXELS


def maps_of(name: str) -> Maps:
    """Every texel of the recorded maps is looked at for every face."""
    return Maps(TEXELS, LAYERS, TEXELS, equal_area="square" in name, drop_straddling=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_noise_matches_the_official_generator(name):
    arrays, maps = CASES[name], maps_of(name)
    background = channels_last(arrays["background"])
    covered_officially = channels_last(arrays["area_count"]) > 0

    @tiny.jit
    def look(points, opacity):
        corners, solid = surface_noise.corner_points(points, opacity, SIZE, smooth="smooth" in name)
        return surface_noise.gather(jnp.asarray(SCENE["particles"]), corners, solid, SIZE, maps)

    for i, (points, opacity) in enumerate(zip(POINTS, SCENE["opacity"], strict=True)):
        total, count = look(points, opacity)
        np.testing.assert_array_equal(count, channels_last(arrays["area_count"])[i])
        noise = np.where(count > 0, total / np.sqrt(np.maximum(count, 1.0)), background[0])
        # without a fixed background the other pixels are drawn by different generators
        compared = np.ones_like(count, bool) if "random" not in name else count > 0
        official = channels_last(arrays["noise"])[i]
        assert_matches(np.where(compared, noise, 0.0), np.where(compared, official, 0.0))
        np.testing.assert_array_equal(
            channels_last(arrays["det_mask"])[i], np.broadcast_to(compared, official.shape)
        )
        assert 0 < covered_officially[i].sum() < covered_officially[i].size


def sphere_view(azimuth, elevation=10.0, size=32) -> View:
    """A ball of radius 0.5 at the origin."""
    angles = [jnp.asarray(a, jnp.float32) for a in (azimuth, elevation)]
    camera = Camera(*(jnp.expand_dims(a, 0) for a in (*angles, jnp.float32(2.0), jnp.float32(40))))
    one = jax.tree.map(lambda leaf: leaf[0], camera)
    origins, directions = cameras.rays(one, size, size)
    along = -jnp.sum(origins * directions, axis=-1, keepdims=True)
    inside = along**2 - jnp.sum(origins**2, axis=-1, keepdims=True) + 0.25
    depth = along - jnp.sqrt(jnp.maximum(inside, 0.0))
    return View(camera, *(jnp.expand_dims(a, 0) for a in ((inside > 0.0).astype(float), depth)))


FUNCTION = surface()


@tiny.jit
def many(azimuths):
    """300 particles at these azimuths: [particle, view, height, width, channel]."""

    def draw(key):
        state = FUNCTION.init(key, (8, 8, 2))
        look = lambda a: FUNCTION.sample(key, state, sphere_view(a), (1, 8, 8, 2))[0]  # noqa: E731
        return jax.vmap(look)(azimuths)

    return jax.lax.map(draw, jax.random.split(jax.random.key(0), 300), batch_size=50)


@pytest.mark.slow
def test_views_have_standard_noise_that_turns_with_the_surface():
    """Over particles; the pixels in the middle of the picture move sideways by about 2 degrees per
    degree of azimuth, and a pixel is about 10 degrees wide there."""
    drawn = np.asarray(many(jnp.asarray([0.0, 3.0, 90.0, 180.0])), np.float64)
    first = drawn[:, 0]
    count = first.size
    assert abs(first.mean()) < 5 / count**0.5
    assert abs(first.var() - 1.0) < 5 * (2 / count) ** 0.5
    assert abs((first[:, :, 1:] * first[:, :, :-1]).mean()) < 5 / count**0.5

    middle = first[:, 3:5, 3:5]
    near, side, behind = ((middle * drawn[:, i, 3:5, 3:5]).mean() for i in (1, 2, 3))
    bound = 5 / middle.size**0.5
    assert near > 0.5
    assert abs(side) < bound and abs(behind) < bound
    corner = first[:, 0, 0] * drawn[:, 2, 0, 0]  # the background is the same in all views
    assert corner.mean() > 0.7


@pytest.mark.slow
def test_what_is_fresh_without_a_fixed_background():
    """A quarter of the surface's variance is fresh too."""
    function = surface(maps=Maps(24), beta=0.75, fixed_background=False)

    @jax.jit
    def draw(keys, view):
        state = function.init(keys[0], (8, 8, 200))
        look = lambda key: function.sample(key, state, view, (1, 8, 8, 200))  # noqa: E731
        return jax.lax.map(look, keys[1:])[:, 0]

    first, second = draw(jax.random.split(jax.random.key(0), 3), sphere_view(jnp.float32(0.0)))
    correlation = np.mean(np.asarray(first) * np.asarray(second), axis=-1)
    np.testing.assert_allclose(correlation[3:5, 3:5], 0.75, atol=5 * 200**-0.5)
    assert abs(correlation[0, 0]) < 5 * 200**-0.5


def test_a_rendering_smaller_than_the_latents_is_refused():
    with pytest.raises(ValueError, match=r"\(8, 8\) pixels for latents of \(16, 16\)"):
        corner_points(jnp.ones((8, 8, 3)), jnp.ones((8, 8, 1)), (16, 16), smooth=True)


@pytest.mark.slow
def test_a_view_without_depth_is_refused():
    view, key = View(tiny.cameras(0), jnp.ones((1, 8, 8, 1))), jax.random.key(0)
    state = FUNCTION.init(key, (8, 8, 2))
    with pytest.raises(ValueError, match=r"has no depth .* give View\(camera, opacity, depth\)"):
        FUNCTION.sample(key, state, view, (1, 8, 8, 2))
