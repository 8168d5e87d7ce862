"""What a ray sees behind the object."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.scene.background import BACKGROUND, Learned, Random, Solid

DIRECTIONS = jnp.zeros((2, 2, 3)).at[..., 2].set(1.0)


def test_a_solid_one_has_one_colour():
    seen = Solid((0.0, 0.5, 1.0))({}, None, DIRECTIONS)
    np.testing.assert_array_equal(seen, np.broadcast_to([0, 0.5, 1], (2, 2, 3)))
    np.testing.assert_array_equal(BACKGROUND.read("white", 1)({}, None, DIRECTIONS), 1.0)


@pytest.mark.slow
def test_a_learned_one_starts_as_grey():
    learned = Learned()
    seen = learned(learned.init(jax.random.key(0)), None, DIRECTIONS)
    np.testing.assert_allclose(seen, 0.5, atol=0.2)


@pytest.mark.slow
def test_a_random_one_is_one_colour_with_its_probability_and_never_in_evaluation():
    random = Random(Learned(), 0.25)
    params = random.init(jax.random.key(0))
    seen = random.otherwise(params, None, DIRECTIONS)
    np.testing.assert_array_equal(random(params, None, DIRECTIONS), seen)
    draw = jax.jit(jax.vmap(lambda key: random(params, key, DIRECTIONS)))
    draws = draw(jax.random.split(jax.random.key(1), 400))
    drawn = jnp.any(draws != seen[None], axis=(1, 2, 3))
    assert 70 < jnp.sum(drawn) < 130
    assert jnp.all(draws[:, :1, :1] == draws)
    assert jnp.std(draws[drawn]) > 0.25
