"""ISM against the recorded numbers of the official code, and its limits."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.diffusion.mixtures import ExactPredictor
from sdjax.diffusion.ramps import ramp
from sdjax.rules.ism import inversion_nodes, ism_residual
from sdjax.rules.noise import offset
from sdjax.rules.sds import sds_residual
from sdjax.rules.weighting import sigma_over_alpha
from tests import reference
from tests.reference import assert_matches, channels_last
from tests.rules.recorded import both_precisions

ISM = reference.load("ism")
INVERSIONS = sorted(name for name in ISM if "x_s" in ISM[name])


def predictor_of(arrays, dtype) -> NetworkPredictor:
    """One view for each sample; the inversion prompt is the null branch."""
    positive, unconditional, null = (
        jnp.asarray(arrays[name], dtype) for name in ("emb_text", "emb_uncond", "emb_inverse")
    )
    negatives = tuple(jnp.asarray(arrays["emb_neg"], dtype)) if "emb_neg" in arrays else ()
    weights = tuple(jnp.asarray(arrays["weights"][1:], dtype)) if negatives else ()
    null = jnp.broadcast_to(null, positive.shape)
    branches = Branches(positive, unconditional, negatives, weights, null)
    return NetworkPredictor(reference.toy_prediction, branches)


def latents_of(arrays, name, dtype):
    return jnp.asarray(channels_last(arrays[name]), dtype)


def check(actual: dict, arrays: dict[str, np.ndarray], scale: float) -> None:
    """`scale` is the official factor of the gradient."""
    actual = {**actual, "grad": scale * actual["grad"]}
    if actual["grad"].dtype == jnp.float64:
        assert_matches(actual["grad"], channels_last(arrays["grad_f64"]), 1e-5)
        return
    for name, value in actual.items():
        assert_matches(value, channels_last(arrays[name]))


def interval_of(arrays, perp_neg: bool):
    """In timesteps; the official fraction of the warm-up falls from 1 to 0."""
    interval = ramp(float(arrays["delta_t_start"]), float(arrays["delta_t"]))
    rounding = jnp.ceil if perp_neg else jnp.floor
    return rounding(interval(jnp.asarray(1.0 - arrays["warm_up_rate"]))).astype(jnp.int32)


STATIC = ("dtype", "scale", "inversion_scale", "stride", "steps")


@functools.partial(jax.jit, static_argnames=STATIC)
def our_ism(arrays, interval, dtype, scale, inversion_scale, stride, steps):
    residual = ism_residual(
        reference.table_schedule(),
        predictor_of(arrays, dtype),
        latents_of(arrays, "latents", dtype),
        arrays["t"],
        interval,
        offset(
            latents_of(arrays, "noise_main", dtype), latents_of(arrays, "noise_channel", dtype), 0.1
        ),
        guidance_scale=scale,
        inversion_guidance_scale=inversion_scale,
        inversion_stride=stride,
        inversion_steps=steps,
    )
    return {
        "grad": residual.gradient,
        "x_start": residual.start,
        "x_s": residual.x_s,
        "x_t": residual.noisy,
        "target_eps": residual.target,
    }


INPUTS = {"latents", "t", "weights", "noise_main", "noise_channel"}


@pytest.mark.slow
@both_precisions
@pytest.mark.parametrize("name", INVERSIONS)
def test_ism(name, dtype, x64):
    arrays = ISM[name]
    official = float(arrays["denoise_guidance_scale"])
    stride, steps = int(arrays["xs_delta_t"]), int(arrays["xs_inv_steps"])
    interval = interval_of(arrays, "emb_neg" in arrays)
    inputs = {k: v for k, v in arrays.items() if k.startswith("emb") or k in INPUTS}
    actual = our_ism(
        inputs,
        interval,
        dtype,
        float(arrays["guidance_scale"]),
        official if official > 1.0 else 0.0,
        stride,
        steps,
    )
    recorded = arrays["inv_index_path"] + 1  # index i of the official table is timestep i + 1
    nodes = inversion_nodes(jnp.maximum(arrays["t"] - interval, 1), stride, steps)
    assert sorted(set(np.asarray(nodes).tolist())) == sorted(set(recorded[:-1].tolist()))
    assert int(arrays["t"]) == recorded[-1]
    check(actual, arrays, float(arrays["grad_scale"]))


@pytest.mark.slow
@both_precisions
def test_the_official_sds_mode_is_sds(dtype, x64):
    arrays = ISM["sds_mode"]
    noise = (latents_of(arrays, name, dtype) for name in ("noise_main", "noise_channel"))
    residual = sds_residual(
        reference.table_schedule(),
        predictor_of(arrays, dtype),
        latents_of(arrays, "latents", dtype),
        jnp.asarray(arrays["t"]),
        offset(*noise, 0.1),
        guidance_scale=float(arrays["guidance_scale"]),
        weighting=sigma_over_alpha,
    )
    actual = {"grad": residual.gradient, "x_t": residual.noisy}
    check(actual, arrays, float(arrays["grad_scale"]))


def residuals(interval: int, steps: int, data_std: float, seed: int = 0):
    """ISM and its SDS mode in float64, on a prior whose pictures without a prompt are the
    rendering itself, blurred; with the prompt they are another picture."""
    rng = np.random.default_rng(seed)
    latents, other, noise = jnp.asarray(rng.normal(size=(3, 2, 4, 4, 3)))
    schedule = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), reference.table_schedule())
    prompt, no_prompt = (jnp.log(jnp.asarray([row] * 2)) for row in ([0.0, 1.0], [1.0, 0.0]))
    modes = jnp.stack([latents, other], axis=1)
    predictor = ExactPredictor(schedule, modes, prompt, no_prompt, data_std)
    t = jnp.asarray(500)
    ours = ism_residual(
        schedule,
        predictor,
        latents,
        t,
        jnp.asarray(interval),
        noise,
        guidance_scale=7.5,
        inversion_steps=steps,
    )
    mode = sds_residual(
        schedule, predictor, latents, t, noise, guidance_scale=7.5, weighting=sigma_over_alpha
    )
    return ours, mode, noise, sigma_over_alpha(schedule, t)


@pytest.mark.slow
@pytest.mark.parametrize("data_std", [0.0, 0.3])
def test_without_interval_and_inversion_the_noise_is_replaced_by_its_prediction(data_std, x64):
    """x_t is then SDS's, and g = g_SDS - w (epsilon(x_t, null) - noise)."""
    ours, mode, noise, weight = residuals(interval=0, steps=0, data_std=data_std)
    assert_matches(ours.noisy, mode.noisy, 1e-12)
    assert_matches(ours.gradient, mode.gradient - weight * (ours.target - noise), 1e-12)
    assert (np.abs(ours.target - noise).max() < 1e-12) == (data_std == 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("interval", [0, 80, 499])
@pytest.mark.parametrize("steps", [0, 5])
def test_where_the_null_branch_knows_the_rendering_ism_is_sds(interval, steps, x64):
    """Without blur the ODE without a prompt is a straight line: the inversion returns the noise."""
    ours, mode, _, _ = residuals(interval, steps, data_std=0.0)
    assert_matches(ours.noisy, mode.noisy, 1e-11)
    assert_matches(ours.gradient, mode.gradient, 1e-9)
