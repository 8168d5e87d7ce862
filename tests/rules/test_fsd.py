"""FSD is DDIM in a variable of its own, and SDS on average; its recorded numbers are CFD's
(test_cfd.py)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.annealing import along
from sdjax.diffusion.ddim import sampling_path, trailing_timesteps
from sdjax.rules.fsd import fsd
from sdjax.rules.noise import fixed, world_map
from sdjax.rules.sds import sds
from tests import tiny
from tests.rules.following import (
    SCHEDULES,
    assert_close,
    both_scales,
    both_schedules,
    ddim,
    descend,
    predictor_at,
    schedule_in,
    start_noise,
    view,
)

pytestmark = pytest.mark.usefixtures("quick_compilation")


@functools.partial(tiny.jit, static_argnames="scale")
def fsd_and_ddim(schedule, scale):
    """Our latents and those of DDIM in FSD's variable x_t / alpha_t - lambda_t noise, with
    lambda = sigma / alpha, after each step."""
    predictor = predictor_at(tiny.cameras(0), schedule)
    path = jnp.asarray(sampling_path(trailing_timesteps(50)))
    noise, ratio = start_noise(jnp.float64), schedule.sigma(path) / schedule.alpha(path)
    rule = fsd(
        schedule,
        guidance_scale=scale,
        annealing=along(path[:-1]),
        noise=fixed(),
        first_order_steps=50,
    )
    ours = descend(rule, predictor, noise[0], jnp.ones(50, ratio.dtype))
    states, _, end = ddim(predictor, scale, path)
    states = jnp.concatenate([states[1:], end[None]])
    per_state = lambda values: values[1:].reshape(-1, 1, 1, 1, 1)  # noqa: E731
    return ours, states / per_state(schedule.alpha(path)) - per_state(ratio) * noise[None]


@both_schedules
@both_scales
def test_fsd_with_first_order_steps_is_ddim(schedule, scale, x64):
    ours, theirs = fsd_and_ddim(schedule_in(schedule, jnp.float64), scale)
    assert_close(ours, theirs, 1e-10)


DRAWS = 1000


@tiny.jit
def drawn_gradients():
    """Of SDS and of FSD, at one t, for many keys of particle and step."""
    predictor = predictor_at(tiny.cameras(0), SCHEDULES["scaled linear"])
    common = {"guidance_scale": 1.0, "annealing": along(np.asarray([500]))}
    latents, progress = predictor.modes.mean(axis=1), jnp.float32(0.0)

    def draw(rule, key):
        init_key, key = jax.random.split(key)
        state = rule.init(init_key, tiny.SHAPE)
        update = rule.update(key, latents, state, predictor, progress=progress, view=view(0))
        return update.gradient

    rules = [sds(predictor.schedule, **common)]
    rules += [fsd(predictor.schedule, noise=n, **common) for n in (fixed(), world_map(90.0))]
    keys = jax.random.split(jax.random.key(0), (len(rules), DRAWS))
    return [jax.vmap(functools.partial(draw, r))(k) for r, k in zip(rules, keys, strict=True)]


@pytest.mark.slow
def test_fsd_has_the_mean_gradient_of_sds():
    """Over particles; by the difference of the means in units of its standard error."""
    of_sds, *of_fsd = (np.asarray(drawn, np.float64) for drawn in drawn_gradients())
    error = (of_sds.var(axis=0) / DRAWS) ** 0.5
    assert np.abs(of_sds.mean(axis=0)).max() > 20 * error.max()
    for drawn in of_fsd:
        z = (drawn.mean(axis=0) - of_sds.mean(axis=0)) / np.hypot(
            error, (drawn.var(axis=0) / DRAWS) ** 0.5
        )
        assert np.abs(z).max() < 4.5
        assert (z**2).mean() < 2.0
