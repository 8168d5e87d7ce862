"""What is recorded of a run, against the run itself and the equations between its parts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.analysis.trajectories import (
    Trajectory,
    ddim_trajectory,
    evenly,
    misalignment,
    rule_trajectory,
)
from sdjax.config.errors import UserError
from sdjax.diffusion.ddim import ddim_sample
from sdjax.rules.shared import SharedRule
from sdjax.runs.particle import initial_particle, particle_noise, prepare_particle
from sdjax.runs.several_steps import Span
from sdjax.runs.step import train_particle
from tests import tiny
from tests.analysis import small

pytestmark = pytest.mark.usefixtures("quick_compilation")
SEED = 5
SCHEDULE = tiny.PRIOR.schedule


@pytest.mark.parametrize(
    ("steps", "count", "expected"),
    [(300, 4, [0, 100, 199, 299]), (5, 2, [0, 4]), (3, 9, [0, 1, 2])],
)
def test_moments_are_even_with_both_ends(steps, count, expected):
    np.testing.assert_array_equal(evenly(steps, count), expected)


@pytest.fixture(scope="module")
def ddim():
    """Every step of 10."""
    noise = particle_noise(jnp.int32(SEED), tiny.SHAPE)
    predictor = tiny.PRIOR.predictor(tiny.CONDITIONING, tiny.cameras(1))
    follow = tiny.jit(
        lambda noise: ddim_trajectory(
            predictor, SCHEDULE, noise, evenly(10, 10), guidance_scale=2.0, steps=10
        )
    )
    sample = tiny.jit(lambda x: ddim_sample(lambda x, t: predictor(x, t, 2.0), SCHEDULE, x, 10))
    return noise, follow(noise), sample(noise[None])[0]


def _alpha_sigma(run):
    return (part(run.t)[:, None, None, None] for part in (SCHEDULE.alpha, SCHEDULE.sigma))


@pytest.mark.slow
def test_ddim_is_recorded_from_the_noise_to_the_sample(ddim):
    noise, run, sample = ddim
    assert run.t.tolist() == [999, 899, 799, 699, 599, 499, 399, 299, 199, 99]
    np.testing.assert_array_equal(run.noisy[0], noise)
    alpha, sigma = (part[-1] for part in _alpha_sigma(run))
    epsilon = (run.noisy[-1] - alpha * run.predicted_x0[-1]) / sigma
    end = SCHEDULE.alpha(-1) * run.predicted_x0[-1] + SCHEDULE.sigma(-1) * epsilon
    np.testing.assert_allclose(end, sample, atol=1e-5)


def test_the_clean_variable_moves_as_fsd_says(ddim):
    """x' - x = (epsilon - noise) (sigma' / alpha' - sigma / alpha): FSD's equation 26."""
    noise, run, _ = ddim
    alpha, sigma = _alpha_sigma(run)
    np.testing.assert_allclose(alpha * run.clean + sigma * noise[None], run.noisy, atol=1e-5)
    epsilon = (run.noisy - alpha * run.predicted_x0) / sigma
    step = (epsilon - noise[None])[:-1] * jnp.diff(sigma / alpha, axis=0)
    # at first alpha is 5e-4, and the clean variable a small difference of large numbers
    np.testing.assert_allclose(jnp.diff(run.clean, axis=0)[1:], step[1:], atol=1e-4)


@pytest.fixture(scope="module")
def fsd_run():
    """FSD at three moments, and the ordinary run."""
    moments, seed = np.int32([0, 4, 11]), jnp.int32(SEED)
    recipe = small.recipe()

    def ordinary(prior, conditioning, seed):
        particle = initial_particle(recipe, prior, seed)
        particle = prepare_particle(recipe, prior, conditioning, particle)

        def train(particle, first, steps):
            return train_particle(recipe, steps, prior, conditioning, Span(first), seed, particle)

        at_four, log = train(particle, jnp.int32(0), 4)
        at_eleven, more = train(at_four, jnp.int32(4), 7)
        latents = jnp.stack([p.params["latents"] for p in (particle, at_four, at_eleven)])
        return latents, jnp.concatenate([log.t, more.t])

    def both(prior, conditioning, seed):
        recorded = rule_trajectory(recipe, prior, conditioning, seed, moments)
        return recorded, ordinary(prior, conditioning, seed)

    return moments, *tiny.jit(both)(small.ONE_CAMERA, tiny.CONDITIONING, seed)


@pytest.mark.slow
def test_recording_changes_nothing_and_shows_the_latents(fsd_run):
    moments, run, (latents, t) = fsd_run
    np.testing.assert_allclose(run.clean, latents, atol=1e-5)
    assert (np.asarray(run.clean[0]) == 0).all() and np.abs(run.clean[-1]).max() > 0.5
    np.testing.assert_array_equal(run.t[:2], t[moments[:2]])


def test_x_t_is_the_latents_with_the_noise_of_the_seed(fsd_run):
    _, run, _ = fsd_run
    noise = particle_noise(jnp.int32(SEED), tiny.SHAPE)
    alpha, sigma = _alpha_sigma(run)
    np.testing.assert_allclose(run.noisy, alpha * run.clean + sigma * noise[None], atol=1e-5)


def test_the_clean_variable_comes_to_the_estimate(fsd_run):
    _, run, _ = fsd_run
    distances = np.asarray(misalignment(run))
    assert distances[2] < 0.5 * distances[1]
    still = Trajectory(run.t, run.noisy, run.clean, run.clean + 0.5)
    np.testing.assert_allclose(misalignment(still), 0.5, atol=1e-6)


def test_a_rule_of_many_particles_is_refused():
    recipe = small.recipe(lambda prior: SharedRule(*[None] * len(SharedRule._fields)))
    with pytest.raises(UserError, match="trains several particles together, expected one that"):
        jax.eval_shape(
            lambda seed: rule_trajectory(
                recipe, tiny.PRIOR, tiny.CONDITIONING, seed, np.int32([0])
            ),
            jnp.int32(0),
        )
