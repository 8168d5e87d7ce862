"""SJC against the recorded numbers of threestudio and of its own code, and against SDS."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.annealing import uniform
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.sds import sds_residual
from sdjax.rules.sjc import sjc_residual
from sdjax.rules.weighting import alpha_over_sigma, constant, one_minus_alpha_cumprod
from tests import reference, tiny
from tests.reference import assert_matches, channels_last
from tests.rules.recorded import both_precisions

THREESTUDIO, ORIGINAL = reference.load("sjc"), reference.load("sjc_original")
# Names of the recordings for our intermediates.
RECORDED = {
    "threestudio": {"noisy": "latents_noisy", "epsilon": "noise_pred"},
    "original": {"noisy": "unet_input", "perturbed": "z", "denoised": "denoised"},
}
CASES = [("threestudio", n) for n in THREESTUDIO] + [("original", n) for n in ORIGINAL]
CASES = [(source, name) for source, name in CASES if name != "schedule"]


@functools.partial(tiny.jit, static_argnames=("dtype", "reduced"))
def ours(arrays, schedule, dtype, scale, reduced):
    case = reference.case(arrays, dtype)
    return sjc_residual(
        schedule,
        case.predictor,
        case.latents("latents", dtype),
        arrays["t"][0],
        case.latents("noise", dtype),
        guidance_scale=scale,
        variance_reduction=reduced,
    )


def schedule_of(source):
    """The original code keeps its table in float64."""
    if source == "threestudio":
        return reference.table_schedule()
    table = jnp.asarray(1.0 / (1.0 + ORIGINAL["schedule"]["us"][::-1] ** 2))
    return NoiseSchedule(table, table[0])


@both_precisions
@pytest.mark.parametrize(("source", "name"), CASES)
def test_sjc(source, name, dtype, x64):
    cases = {"threestudio": THREESTUDIO, "original": ORIGINAL}[source]
    for arrays in reference.samples(cases[name]):
        anchored = source == "threestudio"
        scale = reference.our_scale(arrays) if anchored else float(arrays["guidance_scale"])
        found = ours(arrays, schedule_of(source), dtype, scale, "novarred" not in name)
        if dtype == jnp.float64:
            assert_matches(found.gradient, channels_last(arrays["grad_f64"]), 1e-5)
            continue
        assert_matches(found.gradient, channels_last(arrays["grad"]))
        for field, recorded in RECORDED[source].items():
            assert_matches(getattr(found, field), channels_last(arrays[recorded]))


def test_levels_of_noise():
    """s of every timestep; the official table descends."""
    schedule = reference.table_schedule()
    s = schedule.sigma(jnp.arange(1000)) / schedule.alpha(jnp.arange(1000))
    assert_matches(s, THREESTUDIO["schedule"]["us"], 1e-6)
    assert_matches(s[::-1], ORIGINAL["schedule"]["us"], 1e-5)


@pytest.mark.slow
def test_the_official_timesteps():
    """Index 30..989 of the descending table."""
    t = jax.vmap(uniform(0.01, 0.969), (0, None))(
        jax.random.split(jax.random.key(0), 20000), jnp.float32(0.0)
    )
    assert (t.min(), t.max()) == (999 - 989, 999 - 30)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cfg_early", "perpneg_mid_s0", "cfg_late"])
def test_sjc_is_sds_up_to_its_weighting(name, x64):
    """And its gradient is (x - D) / s."""
    arrays = reference.samples(THREESTUDIO[name])[0]
    case, t = reference.case(arrays, jnp.float64), jnp.asarray(arrays["t"][0])
    latents, noise = (case.latents(n, jnp.float64) for n in ("latents", "noise"))
    schedule = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), case.schedule)
    arguments = schedule, case.predictor, latents, t, noise
    for weight in (constant, one_minus_alpha_cumprod, alpha_over_sigma):
        found = sjc_residual(*arguments, guidance_scale=7.5, weighting=weight)
        sds = sds_residual(*arguments, guidance_scale=7.5, weighting=weight)
        np.testing.assert_allclose(found.gradient, sds.gradient, rtol=1e-11, atol=1e-11)
    s = schedule.sigma(t) / schedule.alpha(t)
    score = (found.denoised - latents) / s**2
    np.testing.assert_allclose(-score, found.gradient, rtol=1e-9, atol=1e-9)
