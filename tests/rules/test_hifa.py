"""HiFA against the recorded numbers of its code, in latent and in image space."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion import annealing, pace
from sdjax.rules import weighting
from sdjax.rules.contract import ImageTarget, View, guidance_loss, image_residual, surrogate_loss
from sdjax.rules.hifa import denoising_nodes, hifa, hifa_residual
from sdjax.rules.sds import sds_residual
from tests import reference, tiny
from tests.reference import assert_matches, channels_last
from tests.rules.recorded import both_precisions, inputs

HIFA = {name: reference.unstacked(case) for name, case in reference.load("hifa_original").items()}
WEIGHTINGS = {
    "constant": weighting.constant,
    "noisematch": weighting.alpha_over_sigma,
    "sdslike": weighting.alpha_times_sigma,
    "strongerlower": weighting.alpha_cumprod_over_sigma,
}
WEIGHTINGS = {name: weighting.scaled(w, 0.05) for name, w in WEIGHTINGS.items()}


@functools.partial(tiny.jit, static_argnames=("dtype", "steps", "eta", "weight"))
def ours(arrays, step_noise, dtype, scale, steps, eta, weight):
    case = reference.case(arrays, dtype)
    return hifa_residual(
        case.schedule,
        case.predictor,
        case.latents("latents", dtype),
        arrays["t"],
        case.latents("noise", dtype),
        step_noise,
        guidance_scale=scale,
        denoising_steps=steps,
        eta=eta,
        weighting=weight,
    )


def run(name: str, dtype):
    """Our residual of a case; the recorded noise is padded with the steps that are not taken."""
    arrays, weight = HIFA[name], WEIGHTINGS[weight_name(name)]
    steps, step_noise = int(arrays["denoising_steps"]), None
    if "step_noise" in arrays:
        drawn = channels_last(arrays["step_noise"])
        room = len(denoising_nodes(jnp.asarray(0), steps, 1000)) - 1 - len(drawn)
        step_noise = jnp.asarray(np.pad(drawn, ((0, room), *((0, 0),) * 4)), dtype)
    eta = float(arrays["eta"]) if step_noise is not None else 0.0
    return ours(
        inputs(arrays), step_noise, dtype, float(arrays["guidance_scale"]), steps, eta, weight
    )


def weight_name(name: str) -> str:
    return next((w for w in WEIGHTINGS if name.endswith("_w_" + w)), "constant")


@both_precisions
@pytest.mark.parametrize("name", [name for name in HIFA if "rgb" not in name])
def test_latent_residual(name, dtype, x64):
    arrays, found = HIFA[name], run(name, dtype)
    if dtype == jnp.float64:
        assert_matches(found.gradient, channels_last(arrays["grad_f64"]), 1e-5)
        return
    assert_matches(found.gradient, channels_last(arrays["grad"]))
    assert_matches(found.noisy, channels_last(arrays["latents_noisy"]))
    if "step_out" in arrays:
        assert_matches(found.estimate, channels_last(arrays["step_out"])[-1])


@tiny.jit
def image_gradient(image, vae_noise, found):
    """Of the official loss: through the encoder, and of the image, whose squared residual stands
    there with 0.05 w, the latents' with w / 2."""
    target = ImageTarget(found.estimate, 0.1 * 0.05)

    def loss(image):
        residual = image_residual(target, image, reference.toy_decode)
        latents = reference.toy_encode(image, vae_noise)
        return surrogate_loss(found.gradient, latents) + surrogate_loss(residual, image)

    return jax.grad(loss)(image)


@both_precisions
@pytest.mark.parametrize("name", [name for name in HIFA if "rgb" in name])
def test_gradient_of_the_image(name, dtype, x64):
    arrays, found = HIFA[name], run(name, dtype)
    image, vae_noise = (
        jnp.asarray(channels_last(arrays[array]), dtype) for array in ("image", "vae_noise")
    )
    gradient = image_gradient(image, vae_noise, found)
    double = dtype == jnp.float64
    recorded, tolerance = ("grad_f64", 1e-5) if double else ("grad", 1e-4)
    assert_matches(gradient, channels_last(arrays[recorded]), tolerance)


@pytest.mark.parametrize("name", [name for name in HIFA if "step_t" in HIFA[name]])
def test_denoising_nodes(name):
    arrays = HIFA[name]
    steps = int(arrays["denoising_steps"])
    nodes = np.asarray(denoising_nodes(jnp.asarray(arrays["t"]), steps, 1000))
    np.testing.assert_array_equal(nodes[nodes >= 0], arrays["step_t"])
    assert len(nodes) == steps + 1 and nodes[-1] == -1


@pytest.mark.parametrize("steps", [1, 3, 4, 7, 1000])
def test_every_number_of_steps_ends_below_zero(steps):
    for t in (0, 1, 332, 999):
        nodes = np.asarray(denoising_nodes(jnp.asarray(t), steps, 1000))
        assert nodes[0] == t and nodes[-1] == -1


PACES = {"linear": pace.steady, "cosine": pace.cosine}


@pytest.mark.parametrize("name", HIFA)
def test_annealed_timesteps(name, x64):
    step, t = HIFA[name]["global_step"], HIFA[name]["t"]
    found = PACES.get(name.split("_")[-1], pace.square_root)
    anneal = annealing.annealed(found, 0.98, 0.3)
    assert int(anneal(jax.random.key(0), jnp.asarray(step / 10000))) == int(t)


@pytest.mark.slow
def test_one_step_is_sds_with_another_weight(x64):
    arrays = reference.samples(HIFA["single_mid"])[0]
    case, t = reference.case(arrays, jnp.float64), jnp.asarray(arrays["t"])
    latents, noise = (case.latents(name, jnp.float64) for name in ("latents", "noise"))
    schedule = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), case.schedule)
    given = schedule, case.predictor, latents, t, noise
    sds = sds_residual(*given, guidance_scale=7.5).gradient
    assert_matches(hifa_residual(*given, guidance_scale=7.5).gradient, sds, 1e-12)


def toy_decode(latents):
    return 0.5 * latents + 0.5


@tiny.jit
def update_and_image_gradient(predictor, latents, image):
    """Of the rule at t = 500, and of its loss."""
    anneal = annealing.along(np.asarray([500]))
    rule = hifa(predictor.schedule, guidance_scale=7.5, annealing=anneal, image_weight=0.01)
    view = View(tiny.cameras(0), jnp.ones((1, *tiny.SHAPE[:2], 1)))
    given = {"key": jax.random.key(0), "state": (), "predictor": predictor, "view": view}
    given["progress"] = jnp.float32(0.0)
    loss = guidance_loss(rule, toy_decode)
    of_image = jax.grad(lambda image: loss(latents, image=image, **given)[0])
    return rule.update(latents=latents, **given), of_image(image)


@pytest.mark.slow
def test_the_rule_draws_the_image_to_the_same_estimate():
    predictor = tiny.PRIOR.predictor(tiny.CONDITIONING, tiny.cameras(0))
    latents = predictor.modes[:, 0] * 0.5
    image = 0.5 * latents + 0.4
    update, image_gradient = update_and_image_gradient(predictor, latents, image)
    weight = weighting.alpha_times_sigma(predictor.schedule, jnp.asarray(500))
    target, difference = update.image_target, latents - update.image_target.latents
    np.testing.assert_allclose(weight * difference, update.gradient, atol=1e-6)
    np.testing.assert_allclose(target.weight, 0.01 * weight, rtol=1e-6)
    expected = image_residual(target, image, toy_decode)
    np.testing.assert_allclose(image_gradient, expected, atol=1e-7)
