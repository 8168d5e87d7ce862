"""Noise functions: against the recordings of the FSD author's generator, and their statistics."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.diffusion.ramps import ramp
from sdjax.rules import noise
from sdjax.rules.contract import View
from tests import reference
from tests.reference import assert_matches, channels_last

CASES = reference.load("fsd_noise")
WORLD = sorted(name for name in CASES if name.startswith("worldmap"))


def view(azimuth, elevation, opacity) -> View:
    azimuth = jnp.asarray(azimuth, jnp.float32)
    ones = jnp.ones_like(azimuth)
    camera = Camera(azimuth, jnp.asarray(elevation, jnp.float32), ones, ones)
    return View(camera, jnp.asarray(opacity, jnp.float32))


@pytest.mark.parametrize("name", WORLD)
def test_world_map_matches_the_official_generator(name):
    arrays = CASES[name]
    raw, background = channels_last(arrays["buffer_raw"])[0], channels_last(arrays["background"])[0]
    height, width, channels = size = background.shape
    theta = 360.0 * width / (raw.shape[1] - width)
    assert noise.world_map_shape(theta, size) == raw.shape
    buffer = noise.periodic(jnp.asarray(raw), width)
    assert_matches(buffer, channels_last(arrays["buffer"])[0])

    seen = view(arrays["azimuth"], arrays["elevation"], arrays["opacity"])
    mask = noise.foreground_mask(seen.opacity, (height, width))
    recorded_mask = channels_last(arrays["det_mask"]) if "random" in name else None
    function = noise.world_map(theta, fixed_background="random" not in name)
    state = noise.WorldMap(buffer, jnp.asarray(background))
    key, shape = jax.random.key(0), (len(arrays["azimuth"]), height, width, channels)
    ours, official = function.sample(key, state, seen, shape), channels_last(arrays["noise"])
    if recorded_mask is None:
        assert_matches(ours, official)
    else:  # the fresh background is drawn by different generators
        np.testing.assert_array_equal(np.broadcast_to(mask, shape), recorded_mask)
        assert_matches(jnp.where(mask, ours, 0.0), np.where(recorded_mask, official, 0.0))


@pytest.mark.parametrize("name", [name for name in CASES if "sqrt_beta" in CASES[name]])
def test_blend_matches_the_official_generator(name):
    arrays = CASES[name]
    sqrt_beta = float(arrays["sqrt_beta"])
    background, fresh = (jnp.asarray(channels_last(arrays[k])) for k in ("background", "fresh"))
    fixed = jnp.broadcast_to(background, fresh.shape)
    assert_matches(noise.blend(fixed, fresh, sqrt_beta**2), channels_last(arrays["noise"]))


def test_refresh_matches_the_official_generator():
    arrays = CASES["base_refresh"]
    before, fresh = (jnp.asarray(arrays[k]) for k in ("background_before", "fresh"))
    gamma = float(arrays["weight_decay"])
    assert_matches(noise.blend(before, fresh, 1.0 - gamma), arrays["background_after"])
    ours = noise.refresh(jax.random.key(0), {"map": before}, gamma)["map"]
    drawn = (ours - (1.0 - gamma) ** 0.5 * before) / gamma**0.5
    assert abs(drawn.mean()) < 5 / drawn.size**0.5
    assert abs(drawn.var() - 1.0) < 5 * (2 / drawn.size) ** 0.5


FUNCTIONS = {
    "gaussian": noise.gaussian(),
    "fixed": noise.fixed(),
    "world_map": noise.world_map(90.0),
    "world_map blended": noise.world_map(90.0, beta=0.5),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("size", [16, 8])
def test_one_view_is_standard_gaussian_at_every_resolution(name, size):
    function = FUNCTIONS[name]
    opacity = jnp.zeros((1, 32, 32, 1)).at[:, :16].set(1.0)
    seen = view([40.0], [20.0], opacity)

    def draw(key):
        state = function.init(key, (16, 16, 3))
        return function.sample(jax.random.fold_in(key, 1), state, seen, (1, size, size, 3))

    drawn = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(0), 400))
    count = drawn.size
    assert abs(drawn.mean()) < 5 / count**0.5
    assert abs(drawn.var() - 1.0) < 5 * (2 / count) ** 0.5
    neighbours = (drawn[:, :, :, 1:] * drawn[:, :, :, :-1]).mean()
    assert abs(neighbours) < 5 / count**0.5


@pytest.mark.parametrize(
    ("name", "same"), [("gaussian", False), ("fixed", True), ("world_map", True)]
)
def test_what_stays_fixed_between_steps(name, same):
    function, key = FUNCTIONS[name], jax.random.key(0)
    state, seen = function.init(key, (8, 8, 3)), view([40.0], [20.0], jnp.ones((1, 8, 8, 1)))
    first, second = (function.sample(jax.random.key(i), state, seen, (1, 8, 8, 3)) for i in (1, 2))
    assert bool(jnp.all(first == second)) == same


@pytest.mark.parametrize("gamma", [0.3, ramp(0.2, 0.4)])
@pytest.mark.parametrize("make", [noise.fixed, functools.partial(noise.world_map, 90.0)])
def test_noise_that_is_refreshed_decorrelates_and_stays_standard(make, gamma):
    """After 3 steps at gamma 0.3 the correlation is 0.7^1.5."""
    function, seen = make(gamma=gamma), view([40.0], [20.0], jnp.ones((1, 8, 8, 1)))

    def run(key):
        state, drawn, shape = function.init(key, (8, 8, 3)), [], (1, 8, 8, 3)
        for i in range(1, 5):
            step_key, progress = jax.random.fold_in(key, i), jnp.float32(0.5)
            values, state = function.draw(step_key, state, seen, shape, progress)
            drawn.append(values)
        return jnp.stack([drawn[0], drawn[-1]]), state

    drawn, state = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), 400))
    first, last = drawn[:, 0], drawn[:, 1]
    bound = 5 / first.size**0.5
    assert abs(last.mean()) < bound and abs(last.var() - 1.0) < 2**0.5 * bound
    assert abs((first * last).mean() - 0.7**1.5) < 2 * bound
    if isinstance(state, noise.WorldMap):  # azimuth 360 still continues at 0
        map_width = 4 * 8
        np.testing.assert_array_equal(
            state.foreground[:, :, :8], state.foreground[:, :, map_width : map_width + 8]
        )


def test_lower_resolution_is_the_block_mean_of_the_higher():
    state = noise.fixed().init(jax.random.key(0), (8, 8, 3))
    seen = view([0.0], [0.0], jnp.ones((1, 8, 8, 1)))
    high, low = (
        noise.fixed().sample(jax.random.key(1), state, seen, (1, n, n, 3))[0] for n in (8, 4)
    )
    blocks = np.asarray(high).reshape(4, 2, 4, 2, 3).mean((1, 3))
    np.testing.assert_allclose(low, 2.0 * blocks, atol=1e-6)
