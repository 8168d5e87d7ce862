"""ASD against the recorded numbers of ScaleDreamer's code, and its two limits."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.mixtures import ExactPredictor
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.asd import asd_residual
from sdjax.rules.csd import Scales, csd_residual
from sdjax.rules.overshoot import proportional
from sdjax.rules.sds import sds_residual
from tests import reference, tiny
from tests.reference import assert_matches, channels_last
from tests.rules.recorded import both_precisions, inputs, residual_cases, weighting_of

ASD = reference.load("asd")


@functools.partial(tiny.jit, static_argnames=("dtype", "weight"))
def ours(arrays, t_plus, dtype, scale, perp_neg, weight):
    case = reference.case(arrays, dtype)
    return asd_residual(
        case.schedule,
        case.predictor,
        case.latents("latents", dtype),
        arrays["t"][0],
        t_plus,
        case.latents("noise", dtype),
        guidance_scale=scale,
        perp_neg_scale=perp_neg,
        weighting=weight,
    )


RECORDED = {
    "noisy": "x_t",
    "noisier": "x_tplus",
    "epsilon": "eps_cfg_t",
    "shifted_epsilon": "eps_tplus",
}


@both_precisions
@pytest.mark.parametrize("name", residual_cases(ASD))
def test_asd(name, dtype, x64):
    for arrays in reference.samples(ASD[name]):
        t, ratio = jnp.asarray(arrays["t"][0]), float(arrays["plus_ratio"])
        u = arrays["u_plus"][0] if "u_plus" in arrays else 1.0
        t_min = float(ASD[name]["min_max_step"][0]) / 1000
        t_plus = proportional(t_min, ratio)(t, jnp.float32(u), 1000)
        assert int(t_plus) == int(arrays["t_plus"][0])
        scale, perp_neg = float(arrays["guidance_scale"]), -float(arrays["guidance_perp_neg"])
        found = ours(inputs(arrays), t_plus, dtype, scale, perp_neg, weighting_of(name))
        if dtype == jnp.float64:
            assert_matches(found.gradient, channels_last(arrays["grad_f64"]), 1e-5)
            continue
        assert_matches(found.gradient, channels_last(arrays["grad"]))
        for field, recorded in RECORDED.items():
            assert_matches(getattr(found, field), channels_last(arrays[recorded]))


def exact(last_alpha_cumprod: float):
    """The exact predictor of a few pictures on a schedule of 11 levels, and its arguments."""
    rng = np.random.default_rng(0)
    modes, latents, noise = rng.normal(size=(1, 3, 4, 4, 3)), *rng.normal(size=(2, 1, 4, 4, 3))
    table = jnp.asarray([*np.linspace(0.99, 0.1, 10), last_alpha_cumprod])
    schedule = NoiseSchedule(table, jnp.ones(()))
    prompt, no_prompt = (jnp.log(jnp.asarray([p])) for p in ([0.6, 0.4, 1e-9], [0.2, 0.3, 0.5]))
    predictor = ExactPredictor(schedule, jnp.asarray(modes), prompt, no_prompt, 0.3)
    return schedule, predictor, jnp.asarray(latents), jnp.asarray(5), jnp.asarray(noise)


def distance_to_sds(last_alpha_cumprod: float) -> float:
    """max |g_ASD - g_SDS| for a shift to the last level."""
    schedule, predictor, latents, t, noise = given = exact(last_alpha_cumprod)
    ours = asd_residual(schedule, predictor, latents, t, jnp.asarray(10), noise, guidance_scale=7.5)
    return float(np.abs(ours.gradient - sds_residual(*given, guidance_scale=7.5).gradient).max())


@pytest.mark.slow
def test_a_shift_to_pure_noise_is_sds(x64):
    """There the prediction is the noise: the distance falls with alpha, at first order."""
    distances = np.asarray([distance_to_sds(alpha**2) for alpha in (1e-2, 1e-3, 1e-4)])
    slopes = np.diff(np.log10(distances))
    np.testing.assert_allclose(slopes, -1.0, atol=0.02)
    assert distance_to_sds(0.0) < 1e-14 < 1e-3 < distances[0]


@pytest.mark.slow
def test_without_a_shift_it_is_a_multiple_of_csd(x64):
    schedule, predictor, latents, t, noise = given = exact(0.0)
    ours = asd_residual(schedule, predictor, latents, t, t, noise, guidance_scale=7.5)
    score = csd_residual(*given, scales=Scales(1.0, -1.0, 0.0)).gradient
    assert np.abs(score).max() > 0.01
    assert_matches(ours.gradient, 6.5 * score, 1e-13)
