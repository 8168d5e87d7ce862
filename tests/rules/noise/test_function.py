"""What noise functions share, against the recordings of the FSD author's generator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.rules import noise
from tests import reference
from tests.reference import assert_matches, channels_last
from tests.rules.noise.views import view

CASES = reference.load("fsd_noise")


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


@pytest.mark.slow
def test_lower_resolution_is_the_block_mean_of_the_higher():
    state = noise.fixed().init(jax.random.key(0), (8, 8, 3))
    seen = view([0.0], [0.0], jnp.ones((1, 8, 8, 1)))
    high, low = (
        noise.fixed().sample(jax.random.key(1), state, seen, (1, n, n, 3))[0] for n in (8, 4)
    )
    blocks = np.asarray(high).reshape(4, 2, 4, 2, 3).mean((1, 3))
    np.testing.assert_allclose(low, 2.0 * blocks, atol=1e-6)
