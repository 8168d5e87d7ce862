"""VSD against the recorded numbers of the official codes, and how its network learns."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sdjax.diffusion.annealing import uniform
from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.diffusion.schedule import scaled_linear
from sdjax.networks.lora.predictor import AdaptedPredictor
from sdjax.networks.lora.unet import apply_lora, init_lora
from sdjax.rules.contract import View
from sdjax.rules.vsd.adapter import Adapter, adapted_noise
from sdjax.rules.vsd.learned import vsd, vsd_residual
from sdjax.rules.weighting import one_minus_alpha, one_minus_alpha_cumprod, sigma_over_alpha
from tests import reference, tiny
from tests.networks.components import network, random_params, small_unet
from tests.reference import assert_matches, channels_last
from tests.rules.recorded import both_precisions
from tests.rules.vsd.recorded_vsd import CASES, adapted_by, kind_of, samples

pytestmark = pytest.mark.usefixtures("quick_compilation")
WEIGHTINGS = {"cfd": sigma_over_alpha, "vsd": one_minus_alpha}  # by how the name begins


@functools.partial(jax.jit, static_argnames=("dtype", "kind", "weighting"))
def our_residual(arrays, dtype, kind, weighting):
    """And the outputs of the trained network at the camera and at zeros."""
    schedule = reference.table_schedule()
    array = lambda name: jnp.asarray(arrays[name], dtype)  # noqa: E731
    latents, noise = (jnp.moveaxis(array(name), 1, -1) for name in ("latents", "noise"))
    adapted, t = adapted_by(array("emb_phi")), arrays["t"][0]
    cameras = [array("camera"), jnp.zeros_like(array("camera"))]
    scale = arrays.get("guidance_scale_lora", 1.0)
    kinds = {"guidance_scale": jnp.asarray(scale, dtype), "prediction_type": kind}
    residual = vsd_residual(
        schedule,
        NetworkPredictor(
            reference.toy_prediction, Branches(array("emb_text"), array("emb_uncond"))
        ),
        lambda x_t, t: adapted_noise(schedule, adapted, x_t, t, cameras[0], **kinds),
        latents,
        t,
        noise,
        guidance_scale=array("guidance_scale"),
        weighting=weighting,
    )
    return residual, jnp.stack(adapted(residual.noisy, t, cameras))


@both_precisions
@pytest.mark.parametrize("name", CASES)
def test_vsd(name, dtype, x64):
    weighting = WEIGHTINGS.get(name[:3], one_minus_alpha_cumprod)
    for i, arrays in enumerate(samples(CASES[name])):
        ours, outputs = our_residual(arrays, dtype, kind_of(name), weighting)
        if dtype == jnp.float64:
            assert_matches(ours.gradient, channels_last(arrays["grad_f64"]), 1e-5)
            continue
        assert_matches(ours.gradient, channels_last(arrays["grad"]))
        assert_matches(ours.noisy, channels_last(arrays["latents_noisy"]))
        if "phi_out" in arrays:
            recorded = channels_last(CASES[name]["phi_out"])
            assert_matches(outputs[:, 0], recorded[i :: len(CASES[name]["latents"])])
        else:
            assert_matches(ours.epsilon, channels_last(arrays["eps_pretrain"]))
            assert_matches(ours.particle_epsilon, channels_last(arrays["eps_phi"]))


UNET = network("unet", small_unet())
LATENTS = 0.5 * jax.random.normal(jax.random.key(0), (2, 4, 4, 4))
SEEN = View(tiny.cameras(0, 2), jnp.ones((2, 4, 4, 1)))


def on_a_small_unet(params):
    """The predictor of a UNet with random weights, and the rule that trains its LoRA."""
    context = jax.random.normal(jax.random.key(1), (2, 5, 12))

    def trained(lora, x_t, t, embedding, camera):
        return apply_lora(UNET, params, lora, x_t, t, embedding, camera)

    predictor = AdaptedPredictor(
        lambda x, t, c: UNET.apply({"params": params}, x, t, c),
        Branches(context, 0.0 * context),
        trained,
        context,
    )
    adapter = Adapter(
        init=lambda key: init_lora(key, UNET),
        predict=lambda lora, predictor, x, t, cameras: predictor.adapted(lora, x, t, cameras),
    )
    rule = vsd(
        scaled_linear(),
        guidance_scale=7.5,
        annealing=uniform(),
        adapter=adapter,
        optimizer=optax.adamw(1e-2, 0.9, 0.99, eps=1e-15, weight_decay=0.01),
    )
    return predictor, rule


@tiny.jit
def learn(params, keys):
    """The losses at each of the keys, and the first and last state."""
    predictor, rule = on_a_small_unet(params)
    first = rule.init(jax.random.key(2))

    def step(shared, key):
        learned = rule.learn(key, LATENTS, shared, predictor, view=SEEN)
        return rule.apply(shared, learned.gradient), learned.losses["adapter"]

    last, losses = jax.lax.scan(step, first, keys)
    return first, last, losses


@pytest.mark.slow
def test_the_network_learns():
    """The UNet predicts nothing useful; its LoRA comes to see the noise of these latents, in the
    same 8 draws again and again."""
    keys = jnp.tile(jax.random.split(jax.random.key(3), 8), 5)
    first, last, losses = learn(random_params(UNET), keys)
    before, after = losses[:8], losses[-8:]
    assert np.isfinite(losses).all() and after.mean() < 0.8 * before.mean()
    moved = jax.tree.map(lambda a, b: jnp.any(a != b), first.params, last.params)
    assert all(jax.tree.leaves(moved))
