"""What a ray sees behind the object."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.scene.background import BACKGROUND, BACKGROUNDS, Learned, Random, Solid

DIRECTIONS = jnp.zeros((2, 2, 3)).at[..., 2].set(1.0)


def test_a_solid_one_has_one_colour():
    seen = Solid((0.0, 0.5, 1.0))({}, None, DIRECTIONS)
    np.testing.assert_array_equal(seen, np.broadcast_to([0, 0.5, 1], (2, 2, 3)))
    np.testing.assert_array_equal(BACKGROUND.read("white", 1)({}, None, DIRECTIONS), 1.0)


@pytest.mark.parametrize("given", [(0.2, 0.4, 1.0), [0.2, 0.4, 1], "0.2,0.4,1", "(0.2, 0.4, 1)"])
def test_any_colour_is_a_background(given):
    value = BACKGROUND.parse(given) if isinstance(given, str) else given
    assert BACKGROUND.accepts(value)
    kept = BACKGROUND.convert(value)
    assert kept == (0.2, 0.4, 1.0) and BACKGROUND.read(kept, 1) == Solid((0.2, 0.4, 1.0))
    seen = jax.jit(lambda background: background({}, None, DIRECTIONS))(BACKGROUND.read(kept, 1))
    np.testing.assert_allclose(seen[0, 0], [0.2, 0.4, 1.0])


@pytest.mark.parametrize("given", ["whit", "1,0", "0,0,2", "0,0,-1", "0,0,0,0", "a,b,c", "0.5", ""])
def test_what_is_no_colour_is_refused(given):
    assert not BACKGROUND.accepts(BACKGROUND.parse(given))


@pytest.mark.parametrize("name", ["white", "learned", "random"])
def test_those_of_the_list_by_name(name):
    assert BACKGROUND.accepts(BACKGROUND.parse(name)) and BACKGROUND.convert(name) == name
    assert BACKGROUND.read(name, 1) is BACKGROUNDS[name]


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
