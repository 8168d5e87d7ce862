"""SDI against the recorded numbers of its official code, and its inversion."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.prediction import add_noise
from sdjax.rules.sdi import inversion_timesteps, invert, one_step_estimate, sdi_residual
from tests import reference, tiny
from tests.reference import channels_last
from tests.rules.following import (
    assert_close,
    both_schedules,
    predictor_at,
    schedule_in,
    start_noise,
)
from tests.rules.recorded import both_precisions, check, inputs, residual_cases

pytestmark = pytest.mark.usefixtures("quick_compilation")

SDI = reference.load("sdi")


@functools.partial(
    jax.jit,
    static_argnames=("dtype", "scale", "inverse_scale", "steps", "eta", "spacing", "prediction"),
)
def our_sdi(arrays, last, step_noise, dtype, scale, inverse_scale, steps, eta, spacing, prediction):
    case = reference.case(arrays, dtype, prediction_type=prediction)
    t = arrays["t"][0]
    path = inversion_timesteps(t, last, steps, spacing, 1000)
    residual = sdi_residual(
        case.schedule,
        case.predictor,
        case.latents("latents", dtype),
        t,
        last,
        step_noise.astype(dtype),
        guidance_scale=scale,
        inversion_guidance_scale=inverse_scale,
        inversion_steps=steps,
        inversion_eta=eta,
        spacing=spacing,
    )
    return path, {
        "grad": residual.gradient,
        "inv_latents": residual.noisy,
        "noise_pred": residual.epsilon,
        "target": residual.target,
        "found_noise": residual.found_noise,
    }


@both_precisions
@pytest.mark.parametrize("name", [n for n in residual_cases(SDI) if "inv_latents" in SDI[n]])
def test_sdi(name, dtype, x64):
    arrays = SDI[name]
    steps = int(arrays["inversion_n_steps"])
    last = min(int(arrays["t"][0]) + int(arrays["u_delta"] * (1000 // steps)), 999)
    noise = channels_last(arrays["step_noise"])
    padding = ((0, steps + 1 - len(noise)), *((0, 0),) * 4)
    path, actual = our_sdi(
        inputs(arrays),
        last,
        np.pad(noise, padding),
        dtype,
        reference.our_scale(arrays),
        reference.our_scale(arrays, "inversion_guidance_scale"),
        steps,
        float(arrays["inversion_eta"]),
        "trailing" if "trailing" in name else "leading",
        "v_prediction" if "vpred" in name else "epsilon",
    )
    visited = arrays["timesteps"]
    np.testing.assert_array_equal(path[: len(visited)], visited)
    assert set(np.asarray(path[len(visited) :])) <= {visited[-1]}
    if "vpred" in name:
        del actual["noise_pred"]  # recorded as the raw velocity
    check(actual, arrays)


@both_precisions
@pytest.mark.parametrize("name", [n for n in residual_cases(SDI) if "inv_latents" not in SDI[n]])
def test_sdi_without_inversion(name, dtype, x64):
    """The official ablations: a fresh or a given noise in place of the inversion's."""
    arrays = SDI[name]
    case, t = reference.case(arrays, dtype), jnp.asarray(arrays["t"][0])
    latents, noise = case.latents("latents", dtype), case.latents("noise", dtype)
    noisy = add_noise(case.schedule, latents, noise, t)
    scale = reference.our_scale(arrays)
    epsilon, target = one_step_estimate(case.schedule, case.predictor, noisy, t, scale)
    check({"grad": latents - target, "noise_pred": epsilon, "target": target}, arrays)


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
