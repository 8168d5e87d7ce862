"""CSD against the recorded numbers of its code, and its equivalence with SDS."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.ramps import ramp
from sdjax.rules.csd import Scales, csd_residual, needed_branches
from sdjax.rules.rescaling import chain, clip, normalise
from sdjax.rules.sds import sds_residual
from tests import reference, tiny
from tests.reference import assert_matches, channels_last
from tests.rules.recorded import both_precisions, inputs, residual_cases

CSD = reference.load("csd")
CASES = residual_cases(CSD)


@functools.partial(tiny.jit, static_argnames="dtype")
def ours(arrays, dtype, scales):
    case = reference.case(arrays, dtype)
    latents, noise = (case.latents(name, dtype) for name in ("latents", "noise"))
    t = arrays["t"][0]
    return csd_residual(case.schedule, case.predictor, latents, t, noise, scales=scales)


@both_precisions
@pytest.mark.parametrize("name", CASES)
def test_csd(name, dtype, x64):
    scales = Scales(*jnp.asarray(CSD[name]["scales"], dtype))
    samples = reference.samples(CSD[name])
    found = [ours(inputs(arrays), dtype, scales) for arrays in samples]
    gradient = jnp.concatenate([residual.gradient for residual in found])
    if name.startswith("normalized"):  # over the batch
        gradient = chain(clip(0.05), normalise())(gradient, jnp.zeros((), dtype))
    if dtype == jnp.float64:
        assert_matches(gradient, channels_last(CSD[name]["grad_f64"]), 1e-5)
        return
    assert_matches(gradient, channels_last(CSD[name]["grad"]))
    for residual, arrays in zip(found, samples, strict=True):
        assert_matches(residual.gradient, channels_last(arrays["grad_raw"]))
        intermediates = {
            "latents_noisy": residual.noisy,
            "eps_text": residual.predictions.cond,
            "eps_uncond": residual.predictions.uncond,
            "eps_null": residual.predictions.null,
            "eps_perpneg": residual.perp_neg,
        }
        for recorded, value in intermediates.items():
            if recorded in arrays:
                assert_matches(value, channels_last(arrays[recorded]))


RAMPS = {
    "annealed": Scales(1.0, ramp(0.0, -1.0, 0.5), ramp(-1.0, 0.0, 0.5), 0.0, 3.0),
    "refine": Scales(1.0, ramp(-1.0, -0.5), ramp(0.0, -0.5)),
}


@pytest.mark.parametrize("name", [name for name in CASES if "_step" in name])
def test_the_official_scales_are_ramps(name):
    recipe = RAMPS[name.split("_")[0]]
    step = int(name.split("_step")[1].split("_")[0])
    at = jnp.float32(step / 10000)
    values = [scale(at) if callable(scale) else scale for scale in recipe]
    np.testing.assert_allclose(values, CSD[name]["scales"], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pure_early", "annealed_perpneg_mid_step2500_s0", "pure_late"])
def test_sds_is_csd_with_a_multiple_and_the_noise(name, x64):
    """And SDS of scale s is (s - 1) times the classifier score more than SDS of scale 1."""
    arrays = reference.samples(CSD[name])[0]
    arrays = {k: v for k, v in inputs(arrays).items() if k not in ("emb_neg", "neg_weights")}
    case, t = reference.case(arrays, jnp.float64), jnp.asarray(arrays["t"][0])
    latents, noise = (case.latents(n, jnp.float64) for n in ("latents", "noise"))
    given = case.schedule, case.predictor, latents, t, noise
    sds = {s: sds_residual(*given, guidance_scale=s).gradient for s in (1.0, 7.5)}
    same = csd_residual(*given, scales=Scales(7.5, -6.5, 0.0, -1.0)).gradient
    assert_matches(same, sds[7.5], 1e-12)
    score = csd_residual(*given, scales=Scales(1.0, -1.0, 0.0)).gradient
    assert_matches(sds[1.0] + 6.5 * score, sds[7.5], 1e-12)


def test_only_the_branches_with_a_factor_are_evaluated():
    assert needed_branches(Scales()) == ("cond", "null")
    assert needed_branches(Scales(uncond=-0.5, null=0.0)) == ("cond", "uncond")
    assert needed_branches(Scales(perp_neg=3.0)) == ("cond", "uncond", "negatives", "null")
    assert needed_branches(Scales(null=jnp.float32(0.0))) == ("cond", "null")


@pytest.mark.slow
def test_an_absent_term_is_one_of_factor_zero():
    arrays = reference.samples(CSD["pure_mid"])[0]
    given = inputs(arrays)
    zeros = ours(given, jnp.float32, Scales(*jnp.asarray(CSD["pure_mid"]["scales"], jnp.float32)))
    case = reference.case(given, jnp.float32)
    latents, noise = (case.latents(name, jnp.float32) for name in ("latents", "noise"))
    absent = csd_residual(case.schedule, case.predictor, latents, jnp.asarray(given["t"][0]), noise)
    assert_matches(zeros.gradient, absent.gradient, 1e-6)
    assert absent.predictions.uncond is None and absent.perp_neg is None
