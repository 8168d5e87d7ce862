"""Noise on a map of the world, against the recordings of the FSD author's generator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

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
    function = noise.world_map(theta, fixed_background="random" not in name)
    state = noise.WorldMap(buffer, jnp.asarray(background))
    key, shape = jax.random.key(0), (len(arrays["azimuth"]), height, width, channels)
    ours, official = function.sample(key, state, seen, shape), channels_last(arrays["noise"])
    if recorded_mask is None:
        assert_matches(ours, official)
    else:  # the fresh background is drawn by different generators
        np.testing.assert_array_equal(np.broadcast_to(mask, shape), recorded_mask)
        assert_matches(jnp.where(mask, ours, 0.0), np.where(recorded_mask, official, 0.0))
