"""What the rules are in theory: ways of following the DDIM ODE of the prior."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.annealing import along
from sdjax.diffusion.ddim import ddim_path, sampling_path, trailing_timesteps
from sdjax.diffusion.prediction import predicted_x0
from sdjax.diffusion.schedule import scaled_linear
from sdjax.rules import weighting
from sdjax.rules.contract import View
from sdjax.rules.dsd import dsd
from sdjax.rules.dsd_star import dsd_star
from sdjax.rules.fsd import fsd
from sdjax.rules.noise import fixed, world_map
from sdjax.rules.ode import CachedOde, cached_ode, exact_ode, ode_grid
from sdjax.rules.overshoot import constant
from sdjax.rules.sdi import inversion_timesteps, invert
from sdjax.rules.sds import sds
from sdjax.rules.view_bins import nearest_bins
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")

SCHEDULES = {"cosine": tiny.PRIOR.schedule, "scaled linear": scaled_linear()}
both_schedules = pytest.mark.parametrize("schedule", SCHEDULES)
both_scales = pytest.mark.parametrize("scale", [1.0, 7.5])
both_precisions = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(jnp.float32, 1e-5), (jnp.float64, 1e-10)]
)


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
    x = jnp.full((1, *tiny.SHAPE), start, step_sizes.dtype)
    return jax.lax.scan(step, (x, state), (progress, step_sizes))[1]


def ddim(predictor, scale, path):
    """The states before each step from sigma_T eps*, the predictions there, and the end."""
    start = predictor.schedule.sigma(path[0]) * start_noise(predictor.modes.dtype)
    predict = lambda x, t: predictor(x, t, scale)  # noqa: E731
    end, states, epsilons = ddim_path(predict, predictor.schedule, start, path)
    return states, epsilons, end


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


@functools.partial(tiny.jit, static_argnames="warm_up")
def dsd_and_ddim(start, warm_up):
    """The latents in the end that began as `start`, and those of DDIM from the same noise."""
    predictor = predictor_at(tiny.cameras(0), SCHEDULES["scaled linear"])
    schedule, steps, ode_steps = predictor.schedule, 300, 50
    rule = dsd(
        schedule,
        guidance_scale=1.0,
        annealing=along(np.linspace(999, 0, steps).astype(np.int32)),
        ode=exact_ode(schedule, 1.0, ode_steps),
        ode_guidance_scale=1.0,
        overshoot=constant(1 / ode_steps),
        weighting=weighting.sigma_over_alpha,
        warm_up=warm_up,
    )
    noise, sizes = start_noise(jnp.float32), jnp.full(steps, ode_steps / steps)
    ours = descend(rule, predictor, noise[0], sizes, start)[-1]
    return ours, ddim(predictor, 1.0, jnp.asarray(ode_grid(ode_steps)))[2]


def test_dsd_reaches_the_end_of_its_ode_from_anywhere_by_a_warm_up():
    """Measured (root mean square): 0.007 with it; without 0.017 from 0 and 0.078 from 2."""

    def error(start, warm_up):
        ours, theirs = dsd_and_ddim(jnp.float32(start), warm_up)
        return np.sqrt(np.mean((ours - theirs) ** 2))

    assert max(error(0.0, 0.1), error(2.0, 0.1)) < 0.01
    assert error(0.0, 0.0) > 0.015 and error(2.0, 0.0) > 0.07


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
        weighting=weighting.constant,
    )
    ours = descend(rule, predictor, noise[0], ratio[:-1] - ratio[1:])
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


TIMESTEPS = (999, 998, 900, 899, 500, 1, 0)  # 899 is a node of the grid


@tiny.jit
def odes(schedule, camera):
    """States at TIMESTEPS of the exact ODE and of the cached one, {prior: (exact, cached)}."""
    coordinates = functools.partial(predictor_at, schedule=schedule)
    network = lambda camera: tiny.network(coordinates(camera))  # noqa: E731
    noise = start_noise(schedule.alphas_cumprod.dtype)[0]
    exact = exact_ode(schedule, 7.5)
    cached = cached_ode(schedule, 7.5, nearest_bins(tiny.CAMERAS), *tiny.SHAPE[:2])
    seen = View(camera, jnp.ones((1, *tiny.SHAPE[:2], 1)))

    def follow(ode, state, look):
        state = ode.prepare(state, look)
        at = lambda t: ode.state_at(state, look(camera), t, seen, (1, *tiny.SHAPE))  # noqa: E731
        return jax.vmap(at)(jnp.asarray(TIMESTEPS))

    return {
        name: (follow(exact, noise, look), follow(cached, CachedOde(noise, ()), look))
        for name, look in {"coordinates": coordinates, "pixels": network}.items()
    }


@both_schedules
@both_precisions
def test_the_cached_ode_is_the_exact_one_at_its_bins(schedule, dtype, tolerance, x64):
    for exact, cached in odes(schedule_in(schedule, dtype), tiny.cameras(2)).values():
        assert_close(cached, exact, tolerance)


def test_the_cached_ode_of_another_view_is_that_of_the_nearest_bin(x64):
    at_bin = tiny.cameras(2)
    nearby = at_bin._replace(azimuth=at_bin.azimuth + 5.0, elevation=at_bin.elevation - 5.0)
    here, near, far = (
        odes(SCHEDULES["cosine"], camera)["pixels"][1]
        for camera in (at_bin, nearby, tiny.cameras(1))
    )
    np.testing.assert_array_equal(near, here)
    assert np.abs(far - here).max() > 0.5


@both_schedules
def test_the_ode_in_coordinates_is_that_in_pixels(schedule, x64):
    found = odes(schedule_in(schedule, jnp.float64), tiny.cameras(2))
    assert_close(found["coordinates"][0], found["pixels"][0], 1e-10)


@functools.partial(tiny.jit, static_argnames="eta")
def inversions(schedule, eta):
    """The latents that SDI finds, in coordinates and in pixels."""
    predictor, dtype = predictor_at(tiny.cameras(2), schedule), schedule.alphas_cumprod.dtype
    drawn = np.random.default_rng(1).normal(size=(11, 1, *tiny.SHAPE))
    path = inversion_timesteps(jnp.asarray(700), jnp.asarray(750), 10, "leading", 1000)
    arguments = predictor.modes[:, 0] + start_noise(dtype), path, jnp.asarray(drawn, dtype)
    return [
        invert(schedule, look, *arguments, guidance_scale=-7.5, eta=eta)
        for look in (predictor, tiny.network(predictor))
    ]


@both_schedules
@pytest.mark.parametrize("eta", [0.0, 0.3])
def test_the_inversion_in_coordinates_is_that_in_pixels(schedule, eta, x64):
    assert_close(*inversions(schedule_in(schedule, jnp.float64), eta), 1e-10)
