"""Following the DDIM ODE of a small exact prior: what the tests of rules that do so share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.ddim import ddim_path
from sdjax.diffusion.schedule import scaled_linear
from sdjax.rules.contract import View
from tests import tiny

SCHEDULES = {"cosine": tiny.PRIOR.schedule, "scaled linear": scaled_linear()}
both_schedules = pytest.mark.parametrize("schedule", SCHEDULES)
both_scales = pytest.mark.parametrize("scale", [1.0, 7.5])


def assert_close(actual, expected, tolerance):
    """|actual - expected| <= tolerance max(1, |expected|)."""
    assert actual.dtype == expected.dtype
    error = np.abs(actual - expected) / np.maximum(1.0, np.abs(expected))
    assert error.max() <= tolerance, f"off by {error.max():.1e}"


def schedule_in(name, dtype):
    return jax.tree.map(lambda leaf: leaf.astype(dtype), SCHEDULES[name])


def predictor_at(camera, schedule):
    """The predictor at one camera per view, all of it in the schedule's dtype; the data are
    blurred, so that trajectories do not forget all differences in the end."""
    prior = tiny.PRIOR.replace(schedule=schedule, data_std=0.2)
    predictor, dtype = prior.predictor(tiny.CONDITIONING, camera), schedule.alphas_cumprod.dtype
    return jax.tree.map(lambda leaf: leaf.astype(dtype), predictor)


def start_noise(dtype):
    """Of one view."""
    return jnp.asarray(np.random.default_rng(0).normal(size=(1, *tiny.SHAPE)), dtype)


def view(*cameras) -> View:
    return View(tiny.cameras(*cameras), jnp.ones((len(cameras), *tiny.SHAPE[:2], 1)))


def descend(rule, predictor, state, step_sizes, start=0.0):
    """The latents, `start` at first, after each step of a rule that is annealed along its
    timesteps."""

    def step(carry, progress_and_size):
        x, state = carry
        progress, size = progress_and_size
        key = jax.random.key(0)  # these rules do not look at it
        update = rule.update(key, x, state, predictor, progress=progress, view=view(0))
        x = x - size * update.gradient
        return (x, update.state), x

    progress = jnp.arange(len(step_sizes)) / len(step_sizes)
    x = jnp.broadcast_to(jnp.asarray(start, step_sizes.dtype), (1, *tiny.SHAPE))
    return jax.lax.scan(step, (x, state), (progress, step_sizes))[1]


def ddim(predictor, scale, path):
    """The states before each step from sigma_T eps*, the predictions there, and the end."""
    start = predictor.schedule.sigma(path[0]) * start_noise(predictor.modes.dtype)
    predict = lambda x, t: predictor(x, t, scale)  # noqa: E731
    end, states, epsilons = ddim_path(predict, predictor.schedule, start, path)
    return states, epsilons, end
