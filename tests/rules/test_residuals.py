"""Every rule's residual against the recorded numbers of the official code.

In float32 to 1e-4 of max(1, |value|); in float64, against the official run in float64, to 1e-5.
`*_b2` cases hold the official code's batch mix-up of Perp-Neg and are left out: `*_s0`, `*_s1`
are the same draws as they were meant.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.prediction import add_noise
from sdjax.rules import weighting
from sdjax.rules.dsd import dsd_residual
from sdjax.rules.ode import exact_ode, ode_grid
from sdjax.rules.overshoot import proportional
from sdjax.rules.rescaling import clip
from sdjax.rules.sdi import inversion_timesteps, one_step_estimate, sdi_residual
from sdjax.rules.sds import sds_residual
from tests import reference
from tests.reference import assert_matches, channels_last

SDS, SDI, DSD = (reference.load(name) for name in ("sds", "sdi", "dsd"))


def residual_cases(cases) -> list[str]:
    """The cases that hold a gradient, without the batch mix-up."""
    return sorted(name for name in cases if "grad" in cases[name] and not name.endswith("_b2"))


def check(actual: dict, arrays: dict[str, np.ndarray]) -> None:
    """Compare our intermediates and gradient with the recorded ones, in the precision of ours."""
    if actual["grad"].dtype == jnp.float64:
        assert_matches(actual["grad"], channels_last(arrays["grad_f64"]), 1e-5)
        return
    for name, value in actual.items():
        assert_matches(value, channels_last(arrays[name]))


INPUTS = {"latents", "t", "neg_weights", "ode_noise", "u_delta"}
both_precisions = pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])


def sds_weighting(name: str) -> weighting.Weighting:
    """What the name of a case says of its weighting."""
    named = {"w_uniform": weighting.constant, "w_fantasia3d": weighting.fantasia3d}
    found = [named[suffix] for suffix in named if name.endswith(suffix)]
    return found[0] if found else weighting.one_minus_alpha_cumprod


@functools.partial(jax.jit, static_argnames=("dtype", "scale", "weight", "bound"))
def our_sds(arrays, dtype, scale, weight, bound):
    case = reference.case(arrays, dtype)
    residual = sds_residual(
        case.schedule,
        case.predictor,
        case.latents("latents", dtype),
        arrays["t"][0],
        case.latents("noise", dtype),
        guidance_scale=scale,
        weighting=weight,
    )
    progress = jnp.zeros((), dtype)
    return {
        "grad": clip(bound)(residual.gradient, progress) if bound else residual.gradient,
        "latents_noisy": residual.noisy,
        "noise_pred": residual.epsilon,
    }


@both_precisions
@pytest.mark.parametrize("name", residual_cases(SDS))
def test_sds(name, dtype, x64):
    for arrays in reference.samples(SDS[name]):
        bound = float(arrays["grad_clip_val"]) if "grad_clip_val" in arrays else None
        weight = sds_weighting(name)
        check(our_sds(arrays, dtype, reference.our_scale(arrays), weight, bound), arrays)


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
    inputs = {k: v for k, v in arrays.items() if k.startswith("emb") or k in INPUTS}
    path, actual = our_sdi(
        inputs,
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


@functools.partial(
    jax.jit, static_argnames=("dtype", "scale", "base_scale", "steps", "t_min", "least")
)
def our_dsd(arrays, dtype, scale, base_scale, steps, t_min, least):
    case = reference.case(arrays, dtype)
    latents, t = case.latents("latents", dtype), arrays["t"][0]
    t_delta = proportional(t_min, least=least)(t, arrays["u_delta"][0], 1000)
    ode, noise = exact_ode(case.schedule, scale, steps), case.latents("ode_noise", dtype)[0]
    x_ode = ode.state_at(noise, case.predictor, t_delta, None, latents.shape)
    ode_epsilon = case.predictor(x_ode, t_delta, scale)
    residual = dsd_residual(
        case.schedule,
        case.predictor,
        latents,
        t,
        t_delta,
        ode_epsilon,
        guidance_scale=scale,
        base_guidance_scale=base_scale,
    )
    return (t_delta, x_ode), {
        "grad": residual.gradient,
        "eps_at_tdelta": ode_epsilon,
        "x_tdelta": residual.x_delta,
        "x_t": residual.x_t,
        "eps_base_tdelta": residual.epsilon_delta,
        "eps_cfg_t": residual.epsilon_t,
    }


@both_precisions
@pytest.mark.parametrize("name", residual_cases(DSD))
def test_dsd(name, dtype, x64):
    arrays = DSD[name]
    steps = int(arrays["n_ddim_steps"])
    inputs = {k: v for k, v in arrays.items() if k.startswith("emb") or k in INPUTS}
    (t_delta, x_ode), actual = our_dsd(
        inputs,
        dtype,
        reference.our_scale(arrays),
        reference.our_scale(arrays, "base_scale"),
        steps,
        float(arrays["min_step_percent"]),
        int(arrays["delta_min"]),
    )
    np.testing.assert_array_equal(ode_grid(steps), arrays["forward_time_steps"])
    assert int(t_delta) == int(arrays["t_delta"][0])
    check(actual, arrays)
    if dtype == jnp.float32:
        assert_matches(x_ode, channels_last(arrays["ode_states"])[-1])
