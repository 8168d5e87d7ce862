"""SDS against three code bases: threestudio, stable-dreamfusion, and threestudio's unified
guidance, whose weights are of other powers of alpha."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.prediction import predicted_x0
from sdjax.rules import weighting
from sdjax.rules.contract import ImageTarget, image_residual
from sdjax.rules.rescaling import clip
from sdjax.rules.sds import sds_residual
from tests import reference, tiny
from tests.reference import assert_matches, channels_last
from tests.rules import recorded
from tests.rules.recorded import both_precisions, inputs

THREESTUDIO = reference.load("sds")
UNIFIED = reference.load("unified")
DREAMFUSION = reference.load("sds_stable_dreamfusion")
CASES = {f"stable-dreamfusion {n}": reference.unstacked(c) for n, c in DREAMFUSION.items()}
CASES |= {f"unified {n}": c for n, c in UNIFIED.items() if n.startswith("sds")}
WITH_IMAGE = [name for name in UNIFIED if "dlossimg_dimage" in UNIFIED[name]]


def weighting_of(name: str) -> weighting.Weighting:
    """Unified guidance keeps the square roots of alphas_cumprod where the first one has those."""
    if "w_uniform" in name:
        return weighting.constant
    if "w_fantasia3d" in name:
        return weighting.sqrt_alpha_one_minus_alpha
    unified = name.split()[0] == "unified"
    return weighting.one_minus_alpha if unified else weighting.one_minus_alpha_cumprod


@functools.partial(tiny.jit, static_argnames=("dtype", "weight"))
def ours(arrays, dtype, scale, weight):
    case = reference.case(arrays, dtype)
    latents, noise = (case.latents(name, dtype) for name in ("latents", "noise"))
    t = arrays["t"][0]
    found = sds_residual(
        case.schedule, case.predictor, latents, t, noise, guidance_scale=scale, weighting=weight
    )
    return found, predicted_x0(case.schedule, found.noisy, found.epsilon, t)


@both_precisions
@pytest.mark.parametrize("name", recorded.residual_cases(THREESTUDIO))
def test_threestudio(name, dtype, x64):
    """It writes guidance from the conditional prediction on; some cases clip the gradient."""
    weight = recorded.weighting_of(name)
    for arrays in reference.samples(THREESTUDIO[name]):
        found, _ = ours(inputs(arrays), dtype, reference.our_scale(arrays), weight)
        bound = jnp.asarray(arrays.get("grad_clip_val", jnp.inf), dtype)
        actual = {
            "grad": clip(lambda progress: bound)(found.gradient, jnp.zeros((), dtype)),  # noqa: B023
            "latents_noisy": found.noisy,
            "noise_pred": found.epsilon,
        }
        recorded.check(actual, arrays)


@both_precisions
@pytest.mark.parametrize("name", CASES)
def test_the_other_two(name, dtype, x64):
    """Both write guidance from the unconditional prediction on, as we do."""
    for arrays in reference.samples(CASES[name]):
        scale = float(arrays["guidance_scale"])
        found, x_0 = ours(inputs(arrays), dtype, scale, weighting_of(name))
        if dtype == jnp.float64:
            assert_matches(found.gradient, channels_last(arrays["grad_f64"]), 1e-5)
            continue
        assert_matches(found.gradient, channels_last(arrays["grad"]))
        assert_matches(found.noisy, channels_last(arrays["latents_noisy"]))
        if "eps_pretrain" in arrays:
            assert_matches(found.epsilon, channels_last(arrays["eps_pretrain"]))
            assert_matches(x_0, channels_last(arrays["latents_1step"]))


@pytest.mark.parametrize("name", [name for name in UNIFIED if "weight" in UNIFIED[name]])
def test_unified_weights(name):
    schedule, arrays = reference.table_schedule(), UNIFIED[name]
    t = jnp.asarray(arrays["t"][0])
    weight = weighting_of(f"unified {name}")(schedule, t)
    np.testing.assert_allclose(weight, np.ravel(arrays["weight"])[0], rtol=1e-5)
    ratio = weighting.sigma_over_alpha(schedule, t)
    np.testing.assert_allclose(ratio, arrays["lambdas"][0], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_IMAGE)
def test_unified_image_residual(name):
    """VSD's draws no image but the particles' one-step estimate to the prior's."""
    batch = len(UNIFIED[name]["t"])
    for arrays in reference.samples(UNIFIED[name]):
        case, t = reference.case(arrays, jnp.float32), jnp.asarray(arrays["t"][0])
        schedule, read = case.schedule, functools.partial(case.latents, dtype=jnp.float32)
        estimate = functools.partial(predicted_x0, schedule, read("latents_noisy"), t=t)
        weight = weighting_of(f"unified {name}")(schedule, t)
        weight = weight * weighting.alpha_over_sigma(schedule, t)
        target = ImageTarget(estimate(read("eps_pretrain")), weight)
        image = read("image")
        if "eps_phi" in arrays:
            image = reference.toy_decode(estimate(read("eps_phi")))
        found = image_residual(target, image, reference.toy_decode)
        assert_matches(found / batch, channels_last(arrays["dlossimg_dimage"]))
