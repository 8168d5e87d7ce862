"""Noise on a map of the world: continuous in the direction of view, and in the form of the FSD
author's generator against its recordings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjax.rules import noise
from tests import reference
from tests.reference import assert_matches, channels_last
from tests.rules.noise.views import view

CASES = reference.load("fsd_noise")
WORLD = sorted(name for name in CASES if name.startswith("worldmap"))


@pytest.mark.slow
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
    function = noise.world_map(theta, fixed_background="random" not in name, window="corner")
    state = noise.WorldMap(buffer, jnp.asarray(background))
    key, shape = jax.random.key(0), (len(arrays["azimuth"]), height, width, channels)
    ours, official = function.sample(key, state, seen, shape), channels_last(arrays["noise"])
    if recorded_mask is None:
        assert_matches(ours, official)
    else:  # the fresh background is drawn by different generators
        np.testing.assert_array_equal(np.broadcast_to(mask, shape), recorded_mask)
        assert_matches(jnp.where(mask, ours, 0.0), np.where(recorded_mask, official, 0.0))


SIZE = (32, 32, 1)


def indices(theta, window, azimuth, elevation):
    """Which texels of the map a view sees: as noise they are all different."""
    shape = noise.world_map_shape(theta, SIZE)
    numbered = jnp.arange(np.prod(shape), dtype=jnp.float32).reshape(shape)
    state = noise.WorldMap(noise.periodic(numbered, SIZE[1]), jnp.zeros(SIZE))
    seen = view([azimuth], [elevation], np.ones((1, *SIZE[:2], 1)))
    function = noise.world_map(theta, window=window)
    sampled = function.sample(jax.random.key(0), state, seen, (1, *SIZE))
    return set(np.asarray(sampled).ravel().astype(int).tolist())


def shared(theta, one, other, window="centred"):
    """The part of the texels that two views have in common."""
    here, there = indices(theta, window, *one), indices(theta, window, *other)
    return len(here & there) / len(here)


azimuths = st.floats(-400.0, 400.0)
elevations = st.floats(-90.0, 90.0)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([60.0, 90.0, 180.0, 360.0]), azimuths, elevations, st.data())
def test_what_neighbours_share_falls_smoothly_with_the_angle(theta, azimuth, elevation, data):
    """Everywhere, across the horizon and azimuth 0 too: 1 - angle / theta on each axis, up to the
    rounding to a texel."""
    turn = data.draw(st.floats(-0.4 * min(theta, 180.0), 0.4 * min(theta, 180.0)))
    rise = data.draw(
        st.floats(max(-90.0 - elevation, -0.4 * theta), min(90.0 - elevation, 0.4 * theta))
    )
    found = shared(theta, (azimuth, elevation), (azimuth + turn, elevation + rise))
    texel = 1.001 / SIZE[0]
    columns, rows = 1.0 - abs(turn) / theta, 1.0 - abs(rise) / theta
    assert found >= (columns - texel) * (rows - texel) - 1e-6
    if theta <= 180.0:  # a window of 360 degrees sees all columns once more
        assert found <= (columns + texel) * (rows + texel) + 1e-6


def test_the_corner_form_jumps_at_the_horizon():
    """And the centred one does not: what the recordings' generator shares of two views that are one
    degree apart."""
    above, below = (10.0, 0.5), (10.0, -0.5)
    assert shared(180.0, above, below) >= 0.95
    assert shared(180.0, above, below, "corner") <= 0.05


@pytest.mark.parametrize("theta", [45.0, 90.0, 180.0, 360.0])
def test_it_has_unit_variance(theta):
    cameras = np.linspace(-180.0, 180.0, 64), np.linspace(-90.0, 90.0, 64)
    seen, function = view(*cameras, np.ones((64, *SIZE[:2], 1))), noise.world_map(theta)
    draws = [
        function.sample(key, function.init(key, SIZE), seen, (64, *SIZE))
        for key in jax.random.split(jax.random.key(0), 8)
    ]
    values = np.stack(draws)
    assert np.abs(values.mean()) < 0.05 and np.abs(values.var() - 1.0) < 0.05
