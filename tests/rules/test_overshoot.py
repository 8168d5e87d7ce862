"""The second, noisier timestep; its recorded ones are in test_asd.py and test_dsd.py."""

import jax.numpy as jnp
import pytest

from sdjax.rules.overshoot import constant, proportional


def test_a_proportional_overshoot_may_start_at_an_annealed_timestep():
    t, u = jnp.asarray(700), 1.0
    plain = proportional(0.5, 0.1)(t, u, 1000)
    assert int(plain) == 720 == int(proportional(jnp.float32(0.5), 0.1)(t, u, 1000))
    assert int(proportional(0.5)(jnp.asarray(300), u, 1000)) == 300
    assert int(proportional(0.0, 1.0)(t, u, 1000)) == 999


@pytest.mark.parametrize(("t", "expected"), [(0, 200), (700, 900), (799, 999), (900, 999)])
def test_a_constant_overshoot_ends_at_the_last_timestep(t, expected):
    assert int(constant(0.2)(jnp.asarray(t), 0.5, 1000)) == expected


def test_a_proportional_overshoot_is_at_least_what_is_asked_for():
    at_the_start = jnp.asarray(0)
    assert int(proportional(0.32)(at_the_start, 0.9, 1000)) == 1
    assert int(proportional(0.32, least=7)(at_the_start, 0.9, 1000)) == 7
