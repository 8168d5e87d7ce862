"""Noise without a place in space."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.rules.noise import fixed, offset, offset_gaussian
from tests import tiny

SHAPE = (2, 4, 4, 3)


@functools.partial(tiny.jit, static_argnames="strength")
def draws(strength):
    """4000 draws of offset noise."""
    sample = lambda key: offset_gaussian(strength).sample(key, (), None, SHAPE)  # noqa: E731
    return jax.lax.map(sample, jax.random.split(jax.random.key(0), 4000))


def test_an_offset_is_added_to_all_pixels_of_a_channel_in_all_views():
    noise, per_channel = jnp.ones(SHAPE), jnp.asarray([1.0, 2.0, 3.0]).reshape(1, 1, 1, 3)
    np.testing.assert_array_equal(offset(noise, per_channel, 0.5)[1, 2, 3], [1.5, 2.0, 2.5])


@pytest.mark.parametrize("strength", [0.5])
def test_offset_noise_is_correlated_within_a_channel_alone(strength):
    """Two pixels, whatever their views, share the variance strength^2; the whole is 1 more."""
    drawn = np.asarray(draws(strength))
    bound = 5 * (1.0 + strength**2) / len(drawn) ** 0.5
    products = lambda one, other: (drawn[(slice(None), *one)] * drawn[(slice(None), *other)]).mean()  # noqa: E731
    variance = products((0, 0, 0, 0), (0, 0, 0, 0))
    assert abs(variance - 1.0 - strength**2) < 2**0.5 * bound
    assert abs(products((0, 0, 0, 0), (1, 2, 3, 0)) - strength**2) < bound
    assert abs(products((0, 0, 0, 0), (0, 0, 0, 1))) < bound


@pytest.mark.slow
def test_fixed_noise_is_one_draw_for_all_views():
    state = fixed().init(jax.random.key(0), SHAPE[1:])
    for key in jax.random.split(jax.random.key(1), 2):
        drawn = fixed().sample(key, state, None, SHAPE)
        np.testing.assert_array_equal(drawn, np.broadcast_to(state, SHAPE))
