"""The list of noises: their fields, and the statistics of what they draw."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.kinds import made
from sdjax.config.tables import complete
from sdjax.diffusion.ramps import ramp
from sdjax.rules import noise
from sdjax.rules.contract import View
from sdjax.rules.noise import NOISE, NOISES
from tests import tiny
from tests.defaults import check_defaults
from tests.rules.noise.views import view

DEFAULTS = {  # the function of each kind, and the fields that are none of its arguments
    "gaussian": (noise.gaussian, set()),
    "offset": (noise.offset_gaussian, set()),
    "fixed": (noise.fixed, set()),
    "world_map": (noise.world_map, set()),
    "surface": (noise.surface, {"map_texels"}),
}


def test_every_noise_is_looked_at():
    assert {"none", *DEFAULTS} == NOISES.keys()
    assert NOISES["none"].fields == {} and NOISES["none"].make(radius=1.0) is None


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_defaults_of_its_fields_are_those_of_the_function(name):
    function, own = DEFAULTS[name]
    check_defaults(NOISES[name].fields, function, own=own)


def made_of(steps=1, **table) -> noise.NoiseFunction:
    """The noise of a table that leaves out what is not said, around a scene of radius 1.7."""
    return made(NOISES, complete(table, NOISE, "noise."), steps, radius=1.7)


FUNCTIONS = {
    "gaussian": made_of(name="gaussian"),
    "fixed": made_of(name="fixed"),
    "world_map": made_of(name="world_map", theta=90.0),
    "world_map blended": made_of(name="world_map", theta=90.0, beta=0.5),
}


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "same"), [("gaussian", False), ("fixed", True), ("world_map", True)]
)
def test_what_stays_fixed_between_steps(name, same):
    function, key = FUNCTIONS[name], jax.random.key(0)
    state, seen = function.init(key, (8, 8, 3)), view([40.0], [20.0], jnp.ones((1, 8, 8, 1)))
    first, second = (function.sample(jax.random.key(i), state, seen, (1, 8, 8, 3)) for i in (1, 2))
    assert bool(jnp.all(first == second)) == same


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_part_to_refresh_may_change_in_the_course_of_the_run():
    function, key = made_of(40, name="fixed", gamma=(10, 0.0, 1.0, 30)), jax.random.key(0)
    state = function.init(key, (4, 4, 3))
    for step, gamma in ((0, 0.0), (10, 0.0), (20, 0.5), (30, 1.0)):
        after = function.advance(key, state, jnp.float32(step / 40))
        np.testing.assert_allclose(after, noise.refresh(key, state, gamma), atol=1e-5)


def test_an_offset_of_large_strength_hides_the_pixels():
    drawn = made_of(name="offset", strength=1e6).sample(jax.random.key(0), (), None, (2, 8, 8, 3))
    per_channel = drawn[:1, :1, :1]
    assert np.abs(per_channel).min() > 1e4
    np.testing.assert_allclose(drawn, np.broadcast_to(per_channel, drawn.shape), atol=10.0)


@pytest.mark.slow
def test_surface_noise_is_that_of_the_scene_and_of_the_texels_asked_for():
    """A surface 1.2 from the origin lies within the scene, one at 2.5 does not."""
    key, shape = jax.random.key(0), (8, 8, 3)
    assert made_of(name="surface", map_texels=16).init(key, shape).maps.shape == (6, 1, 16, 16, 3)
    function = made_of(name="surface")
    seen, state = view([40.0], [20.0], jnp.ones((1, 8, 8, 1))), function.init(key, shape)
    camera = seen.camera._replace(distance=jnp.full(1, 3.0), fovy=jnp.full(1, 60.0))

    @tiny.jit
    def drawn(depth):
        at_depth = View(camera, seen.opacity, jnp.full((1, 8, 8, 1), depth))
        return function.sample(key, state, at_depth, (1, *shape))

    background = np.broadcast_to(state.background, (1, *shape))
    assert np.any(drawn(1.8) != background, axis=-1).mean() > 0.5
    np.testing.assert_array_equal(drawn(0.5), background)
