"""VSD with the exact score of the particles: what it is, alone and in company."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.annealing import along
from sdjax.diffusion.mixtures import ExactPredictor
from sdjax.diffusion.prediction import add_noise
from sdjax.diffusion.schedule import scaled_linear
from sdjax.rules.contract import View
from sdjax.rules.sds import sds, sds_residual
from sdjax.rules.shared import Everyone
from sdjax.rules.vsd.exact import exact_noise, exact_vsd
from sdjax.rules.vsd.learned import vsd_residual
from sdjax.rules.weighting import alpha_over_sigma
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")
SCHEDULES = {"cosine": tiny.PRIOR.schedule, "scaled linear": scaled_linear()}
both_schedules = pytest.mark.parametrize("schedule", SCHEDULES)


def in_double(tree):
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64), tree)


def drawn(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(*shape, *tiny.SHAPE)))


def predictor_with(schedule):
    prior = tiny.PRIOR.replace(schedule=schedule)
    return in_double(prior.predictor(tiny.CONDITIONING, tiny.cameras(0, 2)))


@functools.partial(tiny.jit, static_argnames="scale")
def residuals(schedule, latents, noise, t, scale):
    """Of VSD on one particle, and of SDS."""
    predictor = predictor_with(schedule)
    alone = Everyone(latents[None], jnp.ones(1, latents.dtype))
    particle_noise = lambda x_t, t: exact_noise(schedule, alone, x_t, t)  # noqa: E731
    common = {"guidance_scale": scale}
    return (
        vsd_residual(schedule, predictor, particle_noise, latents, t, noise, **common),
        sds_residual(schedule, predictor, latents, t, noise, **common),
    )


@both_schedules
@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_vsd_on_one_particle_is_sds(schedule, scale, x64):
    """The one point's score is -noise / sigma_t: the particles' network has nothing to learn but
    the noise that was drawn, and VSD's gradient is SDS's, draw by draw."""
    schedule = in_double(SCHEDULES[schedule])
    for t in (20, 300, 999):
        vsd, sds = residuals(schedule, drawn(2), drawn(2, seed=1), jnp.asarray(t), scale)
        np.testing.assert_allclose(vsd.particle_epsilon, drawn(2, seed=1), atol=1e-10)
        np.testing.assert_allclose(vsd.gradient, sds.gradient, atol=1e-10)


@pytest.mark.slow
def test_the_rule_on_one_particle_is_the_rule_sds(x64):
    """With the same key, whatever the shared cameras."""
    schedule = in_double(SCHEDULES["cosine"])
    common = {"guidance_scale": 7.5, "annealing": along(np.asarray([600]))}
    alone = Everyone(drawn(1, 2), jnp.ones(1))
    view = View(tiny.cameras(0, 2), jnp.ones((2, *tiny.SHAPE[:2], 1)))

    @tiny.jit
    def gradients(latents, key):
        predictor, progress = predictor_with(schedule), jnp.float32(0.0)
        rules = exact_vsd(schedule, **common).rule((), alone), sds(schedule, **common)
        return [
            rule.update(key, latents, (), predictor, progress=progress, view=view).gradient
            for rule in rules
        ]

    ours, expected = gradients(alone.latents[0], jax.random.key(3))
    np.testing.assert_allclose(ours, expected, atol=1e-10)


COMPANY = Everyone(0.5 * drawn(5, 2).astype(jnp.float32), jnp.asarray([1.0, 1.0, 1.0, 2.0, 0.0]))


def log_density(schedule, everyone, x_t, t, data_std):
    """log q_t(x_t) of each view up to a constant, by its definition as a mixture of Gaussians."""
    variance = schedule.sigma(t) ** 2 + (schedule.alpha(t) * data_std) ** 2
    away = jnp.sum((x_t[None] - schedule.alpha(t) * everyone.latents) ** 2, axis=(2, 3, 4))
    weights = everyone.weights[:, None] / jnp.sum(everyone.weights)
    return jax.nn.logsumexp(-0.5 * away / variance, axis=0, b=weights)


@both_schedules
@pytest.mark.parametrize("data_std", [0.0, 0.3])
def test_it_is_the_score_of_the_noised_particles(schedule, data_std, x64):
    """-sigma_t times the gradient of log q_t; a copy of weight 0 is not there."""
    schedule, everyone = in_double(SCHEDULES[schedule]), in_double(COMPANY)

    @tiny.jit
    def both(x_t, t):
        score = jax.grad(lambda x: jnp.sum(log_density(schedule, everyone, x, t, data_std)))(x_t)
        ours = exact_noise(schedule, everyone, x_t, t, data_std=data_std)
        return ours, -schedule.sigma(t) * score

    for t in (300, 700, 950):
        ours, expected = both(drawn(2, seed=t), jnp.asarray(t))
        np.testing.assert_allclose(ours, expected, atol=1e-9)


@both_schedules
def test_particles_that_are_the_data_are_at_rest(schedule, x64):
    """The KL divergence is 0: every gradient vanishes, where SDS still pulls."""
    schedule = in_double(SCHEDULES[schedule])

    @tiny.jit
    def gradients(noise, t):
        predictor = predictor_with(schedule)
        modes = jnp.moveaxis(predictor.modes, 1, 0)
        everyone = Everyone(modes, jnp.exp(predictor.positive[0]))
        particle_noise = lambda x_t, t: exact_noise(schedule, everyone, x_t, t)  # noqa: E731
        arguments = modes[0], t, noise
        common = {"guidance_scale": 1.0}
        ours = vsd_residual(schedule, predictor, particle_noise, *arguments, **common)
        return ours.gradient, sds_residual(schedule, predictor, *arguments, **common).gradient

    ours, of_sds = gradients(drawn(2, seed=4), jnp.asarray(970))
    np.testing.assert_allclose(ours, 0.0, atol=1e-10)
    assert np.abs(of_sds).max() > 0.01


def numbers(*values):
    """One number as latents of one view, [1, 1, 1, 1], for each of the values."""
    return jnp.asarray(values).reshape(-1, 1, 1, 1, 1)


GRID = jnp.linspace(-9.0, 9.0, 3001)  # an integral over it is exact to rounding, for Gaussians


@pytest.mark.slow
@both_schedules
def test_its_mean_is_the_gradient_of_the_divergence(schedule, x64):
    """E_noise[alpha / sigma (epsilon - f)] = n d KL(q_t || p_t) / d x_i for n particles x_i: the
    objective of VSD (arXiv 2305.16213, theorem 2), on numbers, where KL is an integral."""
    schedule, nodes = in_double(SCHEDULES[schedule]), GRID.astype(jnp.float64)
    data = Everyone(numbers(-0.7, 0.4, 0.9), jnp.asarray([0.5, 0.2, 0.3]))
    start = jnp.asarray([-0.2, 0.1, 0.6, -0.9])

    def density(everyone, y, t):
        log = jax.vmap(lambda y: log_density(schedule, everyone, y, t, 0.0)[0])(y)
        return log - 0.5 * jnp.log(2.0 * jnp.pi * schedule.sigma(t) ** 2)

    def divergence(x, t):
        y = nodes.reshape(-1, 1, 1, 1, 1)
        q = density(Everyone(x.reshape(-1, 1, 1, 1, 1), jnp.ones(4)), y, t)
        return jnp.trapezoid(jnp.exp(q) * (q - density(data, y, t)), nodes)

    def mean_gradient(x, t):
        everyone = Everyone(start.reshape(-1, 1, 1, 1, 1), jnp.ones(4))
        logs = jnp.log(data.weights)[None]
        predictor = ExactPredictor(schedule, jnp.moveaxis(data.latents, 0, 1), logs, logs)
        particle_noise = lambda x_t, t: exact_noise(schedule, everyone, x_t, t)  # noqa: E731

        def at(noise):
            given = x.reshape(1, 1, 1, 1), t, noise.reshape(1, 1, 1, 1)
            residual = vsd_residual(
                schedule,
                predictor,
                particle_noise,
                *given,
                guidance_scale=1.0,
                weighting=alpha_over_sigma,
            )
            return residual.gradient[0, 0, 0, 0]

        weights = jnp.exp(-0.5 * nodes**2) / jnp.sqrt(2.0 * jnp.pi)
        return jnp.trapezoid(weights * jax.vmap(at)(nodes), nodes)

    for t in (600, 900):
        expected = tiny.jit(jax.grad(divergence))(start, jnp.asarray(t))
        ours = tiny.jit(jax.vmap(mean_gradient, (0, None)))(start, jnp.asarray(t))
        assert np.abs(ours).max() > 1e-3
        np.testing.assert_allclose(ours, 4 * expected, rtol=1e-8, atol=1e-12)


@tiny.jit
def entropic(everyone, x_t, t, scale):
    return exact_noise(SCHEDULES["scaled linear"], everyone, x_t, t, guidance_scale=scale)


@pytest.mark.slow
def test_esd_mixes_in_the_renderings_of_all_views():
    """scale phi_camera + (1 - scale) phi_0; phi_0 knows every particle from every view."""
    x_t, t = drawn(2, seed=5).astype(jnp.float32), jnp.asarray(600)
    anywhere, half, seen = (entropic(COMPANY, x_t, t, s) for s in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(half, 0.5 * (anywhere + seen), atol=1e-6)
    assert np.abs(anywhere - seen).max() > 1e-3
    views = COMPANY.latents[:4].reshape(8, *tiny.SHAPE)
    flat = Everyone(jnp.stack([views, views], axis=1), jnp.repeat(COMPANY.weights[:4], 2))
    np.testing.assert_allclose(anywhere, entropic(flat, x_t, t, 1.0), atol=1e-5)


def test_esd_with_one_view_is_vsd():
    one = COMPANY._replace(latents=COMPANY.latents[:, :1])
    x_t, t = drawn(1, seed=6).astype(jnp.float32), jnp.asarray(600)
    found = [entropic(one, x_t, t, scale) for scale in (0.0, 0.5, 1.0)]
    for ours in found[1:]:
        np.testing.assert_allclose(ours, found[0], atol=1e-6)


@pytest.mark.slow
def test_company_keeps_particles_apart():
    """Between two particles at the same distance from an x_t, the gradient leads away from both."""
    schedule = SCHEDULES["scaled linear"]
    latents, t = COMPANY.latents[0], jnp.asarray(700)
    noisy = add_noise(schedule, latents, 0.0 * latents, t)
    alone = Everyone(latents[None], jnp.ones(1))
    near = Everyone(jnp.stack([latents, latents + 0.1]), jnp.ones(2))
    assert np.abs(exact_noise(schedule, alone, noisy, t)).max() < 1e-6
    away = exact_noise(schedule, near, noisy, t)
    assert (away < 0).all()  # descending along -f moves x off its neighbour


def tall(array, together):
    """Views of one scene one below the other, as one picture."""
    return array.reshape(*array.shape[:-4], -1, together * array.shape[-3], *array.shape[-2:])


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_particles_seen_in_scenes_are_those_of_one_large_picture(scale, x64):
    """In company of particles near each other, so that none is certain."""
    schedule, together, t = in_double(SCHEDULES["cosine"]), 4, jnp.asarray(900)
    latents = 0.05 * drawn(3, 2 * together)
    noisy = add_noise(schedule, latents[0], drawn(2 * together, seed=1), t)
    weights = jnp.asarray([1.0, 1.0, 0.5])
    exact = functools.partial(exact_noise, schedule, t=t, guidance_scale=scale, data_std=0.1)
    ours = exact(Everyone(latents, weights), noisy, views_together=together)
    pictures = exact(Everyone(tall(latents, together), weights), tall(noisy, together))
    np.testing.assert_allclose(tall(ours, together), pictures, rtol=0, atol=1e-10)
    apart = exact(Everyone(latents, weights), noisy)
    assert np.abs(apart - ours).max() > 1e-3
