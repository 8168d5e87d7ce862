"""CFD and FSD's options against the recorded numbers of CFD's official code."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion import pace
from sdjax.diffusion.annealing import along, annealed
from sdjax.diffusion.prediction import predicted_x0
from sdjax.rules.cfd import cfd
from sdjax.rules.contract import View
from sdjax.rules.fsd import fsd, fsd_residual
from sdjax.rules.noise import NoiseFunction, blend, fixed
from sdjax.rules.rescaling import rescaled, sign
from sdjax.rules.weighting import constant, scaled, sigma_over_alpha
from tests import reference, tiny
from tests.reference import assert_matches, channels_last
from tests.rules.recorded import both_precisions, inputs

pytestmark = pytest.mark.usefixtures("quick_compilation")

CASES = reference.load("cfd")
del CASES["vsd_mid"]  # with a trained network, see vsd/test_learned.py


@functools.partial(jax.jit, static_argnames="dtype")
def our_cfd(arrays, scale, dtype):
    case = reference.case(arrays, dtype)
    residual = fsd_residual(
        case.schedule,
        case.predictor,
        case.latents("latents", dtype),
        arrays["t"][0],
        case.latents("noise", dtype),
        guidance_scale=scale,
        image_guidance_scale=1.0,
        weighting=sigma_over_alpha,
    )
    return {
        "grad": residual.gradient,
        "latents_noisy": residual.noisy,
        "eps_pretrain": residual.epsilon,
        "eps_text": residual.image_epsilon,
    }


@both_precisions
@pytest.mark.parametrize("name", sorted(CASES.keys() - {"l1_mid"}))
def test_cfd(name, dtype, x64):
    for arrays in reference.samples(CASES[name]):
        actual = our_cfd(inputs(arrays), reference.our_scale(arrays), dtype)
        if dtype == jnp.float64:
            assert_matches(actual["grad"], channels_last(arrays["grad_f64"]), 1e-5)
            continue
        if "emb_neg" in arrays:  # at scale 1 Perp-Neg still pushes
            del actual["eps_text"]
        # Entries of 97 cancel at early t, in the official float32 run to 2e-4 of one of them, so
        # gradients are held against their largest entry, as the recordings' own accuracy is.
        unit = max(1.0, float(np.abs(arrays["grad"]).max()))
        assert_matches(actual.pop("grad") / unit, channels_last(arrays["grad"]) / unit)
        for recorded, value in actual.items():
            assert_matches(value, channels_last(arrays[recorded]))


@functools.partial(jax.jit, static_argnames=("scale", "make", "t"))
def updated(arrays, scale, make, t):
    """The rule's update with the recorded noise."""
    case = reference.case(arrays, jnp.float32)
    latents, noise = (case.latents(name, jnp.float32) for name in ("latents", "noise"))
    handed = NoiseFunction(lambda key, shape: (), lambda key, state, view, shape: noise)
    rule = make(case.schedule, guidance_scale=scale, annealing=along(np.full(1, t)), noise=handed)
    key, view = jax.random.key(0), View(tiny.cameras(0), jnp.ones((1, 8, 8, 1)))
    progress = jnp.float32(0.0)
    return rule.update(key, latents, (), case.predictor, progress=progress, view=view)


def doubled(*args, **options):
    return cfd(*args, weighting=scaled(sigma_over_alpha, 2.0), **options)


def signed(*args, **options):
    return rescaled(cfd(*args, **options), sign())


@pytest.mark.parametrize(("name", "make"), [("cfg_mid", doubled), ("l1_mid", signed)])
def test_the_official_losses(name, make):
    """Their gradients are averaged over the batch."""
    for arrays in reference.samples(CASES[name]):
        update = updated(inputs(arrays), reference.our_scale(arrays), make, int(arrays["t"][0]))
        official = len(CASES[name]["t"]) * arrays["dloss_dlatents"]
        assert_matches(update.gradient, channels_last(official))
        assert update.image_target is None


def test_the_official_annealing_of_cfd_is_rounded(x64):
    """configs: fractions at 0, 2500, 12500 and 25000 of 25000 steps."""
    timestep = annealed(pace.piecewise((0, 0.1, 0.5, 1), (0, 0.3, 0.6, 0.8)), rounding=jnp.round)
    found = [int(timestep(jax.random.key(0), jnp.float64(p))) for p in (0, 0.05, 0.1, 0.5, 1)]
    assert found == [980, 836, 692, 404, 212]


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_the_image_target_has_a_guidance_scale_of_its_own(scale):
    """At the same x_t, from the same evaluation (test_rules.py counts it)."""
    prior = tiny.PRIOR
    predictor, schedule = prior.predictor(tiny.CONDITIONING, tiny.cameras(0)), prior.schedule
    latents = jnp.asarray(np.random.default_rng(0).normal(size=(1, *tiny.SHAPE)), jnp.float32)
    view, progress = View(tiny.cameras(0), jnp.ones((1, 8, 8, 1))), jnp.float32(0.0)

    @tiny.jit
    def both():
        rule = fsd(
            schedule,
            guidance_scale=7.5,
            annealing=along(np.asarray([600])),
            image_weight=0.1,
            image_guidance_scale=scale,
        )
        state = fixed().init(jax.random.key(1), tiny.SHAPE)
        update = rule.update(
            jax.random.key(0), latents, state, predictor, progress=progress, view=view
        )
        epsilon = predictor(update.aux.noisy, 600, scale)
        return update, predicted_x0(schedule, update.aux.noisy, epsilon, 600)

    update, expected = both()
    np.testing.assert_allclose(update.image_target.latents, expected, atol=2e-5)
    alpha, sigma = schedule.alpha(600), schedule.sigma(600)
    np.testing.assert_allclose(update.image_target.weight, 0.1 * alpha * sigma, rtol=1e-5)
    assert jnp.abs(update.aux.predicted_x0 - expected).max() > 0.1


SDE = reference.load("cfd_sde")


@functools.partial(jax.jit, static_argnames=("dtype", "scale", "prediction_type"))
def clean_flow_sde(arrays, dtype, scale, prediction_type):
    """FSD in 2D that refreshes its noise: inputs of the network, clean latents, the last noise.

    From t to the noisier t' the noise is refreshed by gamma = 1 - (ratio_t / ratio_t')^2, with
    ratio = sigma / alpha; the step from t' to the next t has the ratios' difference as its size.
    """
    case = reference.case(arrays, dtype, prediction_type=prediction_type)
    ratio = lambda t: case.schedule.sigma(t) / case.schedule.alpha(t)  # noqa: E731
    t, stride = arrays["timesteps"], 1000 // len(arrays["timesteps"])
    steps = t, arrays["t_hat"], jnp.maximum(t - stride, 0), case.latents("fresh", dtype)

    def step(carry, step):
        x, noise = carry
        t, t_hat, t_next, fresh = step
        noise = blend(noise, fresh, (ratio(t) / ratio(t_hat)) ** 2)
        residual = fsd_residual(
            case.schedule,
            case.predictor,
            x,
            t_hat,
            noise,
            guidance_scale=scale,
            weighting=constant,
        )
        x = x - (ratio(t_hat) - ratio(t_next)) * residual.gradient
        return (x, noise), residual.noisy

    start = case.latents("initial_noise", dtype)
    (x, noise), inputs = jax.lax.scan(step, (jnp.zeros_like(start), start), steps)
    return inputs, x, x + ratio(0) * noise


@pytest.mark.parametrize("name", SDE)
def test_refreshed_noise_is_the_clean_flow_sde(name, x64):
    """Recorded as that, and as the diffusion SDE, whose state is x + sigma / alpha noise."""
    arrays = {k: v for k, v in SDE[name].items() if k != "final_latents"}
    prediction = "v_prediction" if name.endswith("vpred") else "epsilon"
    scale = float(arrays.pop("guidance_scale")) + 1.0
    inputs, clean, noisy = clean_flow_sde(arrays, jnp.float64, scale, prediction)
    assert_matches(inputs, channels_last(arrays["unet_input"]))
    final = clean if name.startswith("cleanflow") else noisy
    assert_matches(final, channels_last(SDE[name]["final_latents"]))


def test_timesteps_of_the_recorded_sde():
    """t' = int(t (1 + S / n)) but in the first and last tenth; the default S churns nothing."""
    for name, arrays in SDE.items():
        n, t = len(arrays["timesteps"]), arrays["timesteps"]
        inside = (np.arange(n) > 0.1 * n) & (np.arange(n) < 0.9 * n)
        expected = (t * (1.0 + np.where(inside, arrays["S_ch"] / n, 0.0))).astype(int)
        np.testing.assert_array_equal(arrays["t_hat"], expected)
        assert (expected == t).all() == name.endswith("default")
