"""VSD against the recorded numbers of the official codes, and how its network learns."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sdjax.cameras import Camera, axes, position
from sdjax.diffusion.annealing import uniform
from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.diffusion.schedule import scaled_linear
from sdjax.networks.lora.predictor import AdaptedPredictor
from sdjax.networks.lora.unet import apply_lora, init_lora
from sdjax.rules.contract import View
from sdjax.rules.vsd.adapter import Adapter, adapted_noise, adapter_loss
from sdjax.rules.vsd.camera_features import camera_matrix, spherical
from sdjax.rules.vsd.learned import vsd, vsd_residual
from sdjax.rules.weighting import (
    one_minus_alpha,
    one_minus_alpha_cumprod,
    sigma_over_alpha,
)
from tests import reference, tiny
from tests.networks.components import network, random_params, small_unet
from tests.reference import assert_matches, channels_last

pytestmark = pytest.mark.usefixtures("quick_compilation")
both_precisions = pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])

# Names of the recordings: ours -> threestudio's VSD, and those of its unified guidance.
UNIFIED = {
    "lora_t": "phi_t",
    "lora_noise": "phi_noise",
    "loss_lora": "loss_phi",
}


def threestudio(arrays):
    """Rows of 2B are [text, negative prompt] or [camera, zeros]."""
    batch = len(arrays["latents"])
    text, uncond = np.split(arrays["emb_pretrain"], 2)
    drawn = {"emb_text": text, "emb_uncond": uncond, "emb_phi": arrays["emb_phi"][:batch]}
    return {**arrays, **drawn, "camera": arrays["camera"].reshape(batch, 16)}


def unified(arrays):
    """The loss of its network always sees the camera."""
    camera = arrays["camera"].reshape(len(arrays["camera"]), -1)
    named = {ours: arrays[theirs] for ours, theirs in UNIFIED.items()}
    return {**arrays, **named, "camera": camera, "lora_class_labels": camera}


def cfd(arrays):
    """CFD's gradient with a trained network; text-anchored guidance, which is our scale + 1."""
    camera = arrays["camera"].reshape(len(arrays["camera"]), -1)
    return {**arrays, "camera": camera, "guidance_scale": arrays["guidance_scale"] + 1.0}


CASES = {name: threestudio(arrays) for name, arrays in reference.load("vsd").items()}
CASES |= {
    name: unified(arrays)
    for name, arrays in reference.load("unified").items()
    if name.startswith("vsd")
}
LEARNING = list(CASES)
CASES["cfd"] = cfd(reference.load("cfd")["vsd_mid"])
WEIGHTINGS = {"cfd": sigma_over_alpha, "vsd": one_minus_alpha}  # by how the name begins


def samples(arrays):
    """Each sample of a batch has a timestep of its own, as each particle has here."""
    batch = len(arrays["latents"])
    own = {k for k, v in arrays.items() if v.ndim and len(v) == batch}
    for i in range(batch):
        yield {
            k: v[i : i + 1] if k in own else v for k, v in arrays.items() if v.dtype.kind in "fi"
        }


def kind_of(name):
    return "v_prediction" if CASES[name].get("phi_v_prediction") else "epsilon"


def adapted_by(embedding, scale=1.0):
    """P_phi of the recordings: the toy predictor and what the camera adds."""

    def adapted(x_t, t, cameras):
        def one(camera):
            seen = jnp.mean(camera, 1).reshape(-1, 1, 1, 1)
            change = 0.15 * seen * jnp.cos(x_t) + 0.05 * x_t
            return reference.toy_prediction(x_t, t, embedding) + scale * change

        return [one(camera) for camera in cameras]

    return adapted


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
            assert_matches(outputs[:, 0], recorded[i::2])
        else:
            assert_matches(ours.epsilon, channels_last(arrays["eps_pretrain"]))
            assert_matches(ours.particle_epsilon, channels_last(arrays["eps_phi"]))


@functools.partial(jax.jit, static_argnames=("dtype", "kind"))
def our_loss(arrays, dtype, kind):
    array = lambda name: jnp.asarray(arrays[name], dtype)  # noqa: E731
    latents, noise = (jnp.moveaxis(array(name), 1, -1) for name in ("latents", "lora_noise"))
    return adapter_loss(
        reference.table_schedule(),
        adapted_by(array("emb_phi")),
        latents,
        arrays["lora_t"][0],
        noise,
        array("lora_class_labels"),
        prediction_type=kind,
    )


@both_precisions
@pytest.mark.parametrize("name", LEARNING)
def test_the_loss_of_the_trained_network(name, dtype, x64):
    """Its mean over the recorded batch."""
    losses = [our_loss(arrays, dtype, kind_of(name)) for arrays in samples(CASES[name])]
    assert_matches(np.mean(losses), CASES[name]["loss_lora"], 1e-5)


def test_an_unknown_prediction_is_refused():
    arrays = next(samples(CASES["separate_mid"]))
    with pytest.raises(ValueError, match="is 'sample', expected 'epsilon' or 'v_prediction'"):
        our_loss(arrays, jnp.float32, "sample")


CAMERA = Camera(*jnp.asarray([[37.0, 131.0], [12.0, 25.0], [1.7, 1.9], [40.0, 40.0]]))


def test_the_spherical_camera_is_the_recorded_one():
    assert_matches(spherical(CAMERA), CASES["vsd_cfg_mid_spherical"]["camera"], 1e-6)


def test_the_camera_matrix_takes_the_camera_to_the_world():
    """Its origin to the position, and the point straight ahead to the middle of the scene."""
    matrices = camera_matrix(CAMERA).reshape(2, 4, 4)
    for i, matrix in enumerate(matrices):
        camera = jax.tree.map(lambda leaf, i=i: leaf[i], CAMERA)
        np.testing.assert_allclose(matrix @ jnp.eye(4)[3], [*position(camera), 1.0], atol=1e-6)
        ahead = jnp.asarray([0.0, 0.0, -camera.distance, 1.0])
        np.testing.assert_allclose(matrix @ ahead, [0.0, 0.0, 0.0, 1.0], atol=1e-6)
        np.testing.assert_allclose(matrix[:3, 0], axes(camera)[0], atol=1e-6)
        np.testing.assert_allclose(jnp.linalg.det(matrix[:3, :3]), 1.0, atol=1e-5)


UNET = network("unet", small_unet())
LATENTS = 0.5 * jax.random.normal(jax.random.key(0), (2, 4, 4, 4))
SEEN = View(CAMERA, jnp.ones((2, 4, 4, 1)))


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


def test_the_network_learns():
    """The UNet predicts nothing useful; its LoRA comes to see the noise of these latents, in the
    same 8 draws again and again."""
    keys = jnp.tile(jax.random.split(jax.random.key(3), 8), 5)
    first, last, losses = learn(random_params(UNET), keys)
    before, after = losses[:8], losses[-8:]
    assert np.isfinite(losses).all() and after.mean() < 0.8 * before.mean()
    moved = jax.tree.map(lambda a, b: jnp.any(a != b), first.params, last.params)
    assert all(jax.tree.leaves(moved))
