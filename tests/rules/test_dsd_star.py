"""DSD* is DDIM, step by step."""

import functools

import jax
import jax.numpy as jnp
import pytest

from sdjax.diffusion.annealing import along
from sdjax.diffusion.ddim import sampling_path, trailing_timesteps
from sdjax.diffusion.prediction import predicted_x0
from sdjax.rules.dsd_star import dsd_star
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
)

pytestmark = pytest.mark.usefixtures("quick_compilation")


@functools.partial(tiny.jit, static_argnames=("scale", "steps"))
def dsd_star_and_ddim(schedule, scale, steps):
    """Our latents and DDIM's one-step estimates, after each step."""
    predictor, dtype = predictor_at(tiny.cameras(0), schedule), schedule.alphas_cumprod.dtype
    path = jnp.asarray(sampling_path(trailing_timesteps(steps)))
    rule = dsd_star(schedule, guidance_scale=scale, annealing=along(path[:-1]))
    ours = descend(rule, predictor, start_noise(dtype), jnp.ones(steps, dtype))
    states, epsilons, _ = ddim(predictor, scale, path)
    estimate = functools.partial(predicted_x0, schedule)
    return ours, jax.vmap(estimate)(states, epsilons, path[:-1])


@both_schedules
@both_scales
def test_dsd_star_is_ddim_after_every_step(schedule, scale, x64):
    ours, theirs = dsd_star_and_ddim(schedule_in(schedule, jnp.float64), scale, 50)
    assert_close(ours, theirs, 1e-10)


@both_schedules
@both_scales
def test_dsd_star_ends_where_ddim_does_in_single_precision(schedule, scale):
    ours, theirs = dsd_star_and_ddim(SCHEDULES[schedule], scale, 200)
    assert_close(ours[-1], theirs[-1], 1e-5)
