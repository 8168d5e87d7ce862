"""The networks of Zero-1-to-3 against recorded outputs and gradients of the official code."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.guided import classifier_free_guidance
from sdjax.networks.unet.config import UNetConfig
from tests import reference
from tests.multiview_folders import recorded_cases
from tests.networks.components import deviation, loaded

FOLDER = reference.FOLDER / "multiview" / "zero123" / "tiny"
NETS = recorded_cases("zero123/nets")
TOLERANCE = 2e-5

network = functools.cache(lambda component: loaded(component, FOLDER / component))


def cases(*arrays: str) -> list[str]:
    """The cases that hold all of these arrays."""
    return [name for name, case in NETS.items() if all(array in case for array in arrays)]


def inputs(case):
    """x, the picture's latents, t and the context; images channels last."""
    x, latents = (jnp.asarray(reference.channels_last(case[name])) for name in ("x", "cond_latent"))
    return x, latents, jnp.asarray(case["t"], jnp.int32), jnp.asarray(case["context"])


def joined(params, x, latents, t, context):
    """The UNet, which has the picture's latents beside the noisy ones."""
    model, _ = network("unet")
    return model.apply({"params": params}, jnp.concatenate([x, latents], axis=-1), t, context)


predict = jax.jit(joined)


@jax.jit
def gradients(params, x, latents, t, context, cotangent):
    output = lambda x, latents, context: joined(params, x, latents, t, context)  # noqa: E731
    return jax.vjp(output, x, latents, context)[1](cotangent)


@pytest.mark.slow
@pytest.mark.parametrize("name", cases("x", "cond_latent", "eps"))
def test_predictions_match_the_official_network(name):
    case, (_, params) = NETS[name], network("unet")
    output = predict(params, *inputs(case))
    assert deviation(output, reference.channels_last(case["eps"])) < TOLERANCE
    for array, expected in case.items():
        if array.startswith("eps_guided_s"):
            unconditional, picture = jnp.split(output, 2)
            scale = float(array.removeprefix("eps_guided_s"))
            guided = classifier_free_guidance(picture, unconditional, scale)
            assert deviation(guided, reference.channels_last(expected)) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", cases("cotangent", "grad_x"))
def test_gradients_match_the_official_network(name):
    case, (_, params) = NETS[name], network("unet")
    cotangent = jnp.asarray(reference.channels_last(case["cotangent"]))
    of_x, of_latents, of_context = gradients(params, *inputs(case), cotangent)
    assert deviation(of_x, reference.channels_last(case["grad_x"])) < TOLERANCE
    assert deviation(of_latents, reference.channels_last(case["grad_cond_latent"])) < TOLERANCE
    assert deviation(of_context, case["grad_context"]) < TOLERANCE


def test_both_configurations_describe_the_same_network():
    fields = json.loads((FOLDER / "unet" / "ldm_config.json").read_text())
    model, _ = network("unet")
    read = UNetConfig.from_ldm(fields)
    assert UNetConfig.from_ldm({**fields, "image_size": model.config.sample_size}) == model.config
    assert read.in_channels == 2 * read.out_channels


@pytest.mark.slow
@pytest.mark.parametrize("name", cases("mode", "logvar"))
def test_latents_of_a_picture_match_the_official_autoencoder(name):
    case, (model, params) = NETS[name], network("vae")
    pixels = jnp.asarray(picture(name), jnp.float32)[None] / 127.5 - 1.0
    encode = jax.jit(functools.partial(model.apply, method="encode"))
    posterior = encode({"params": params}, pixels)
    assert deviation(posterior.mean, reference.channels_last(case["mode"])) < TOLERANCE
    assert deviation(posterior.logvar, reference.channels_last(case["logvar"])) < TOLERANCE
    assert deviation(posterior.std, reference.channels_last(case["std"])) < TOLERANCE


def picture(name: str):
    """The 8-bit picture of a case: "vae_sq256" has that of "clip_preprocess_sq256"."""
    size = name.split("_", 1)[1]
    return NETS[f"clip_preprocess_{size}"]["image_u8"]


@pytest.mark.slow
@pytest.mark.parametrize("name", cases("latents_scaled", "image"))
def test_pictures_of_latents_match_the_official_autoencoder(name):
    case, (model, params) = NETS[name], network("vae")
    latents = jnp.asarray(reference.channels_last(case["latents_scaled"]))
    decode = jax.jit(functools.partial(model.apply, method="decode"))
    image = decode({"params": params}, latents / model.config.scaling_factor)
    assert deviation(image, reference.channels_last(case["image"])) < TOLERANCE


MEAN = np.asarray([0.48145466, 0.4578275, 0.40821073])
STD = np.asarray([0.26862954, 0.26130258, 0.27577711])


def cubic(inputs: int, outputs: int) -> np.ndarray:
    """[outputs, inputs]: bicubic interpolation (a = -0.75) with aligned corners, edges repeated."""
    places = np.linspace(0, inputs - 1, outputs)
    weights = np.zeros((outputs, inputs))
    for tap in range(-1, 3):
        index = np.floor(places) + tap
        d = np.abs(places - index)
        near, far = (1.25 * d - 2.25) * d * d + 1, -0.75 * (((d - 5) * d + 8) * d - 4)
        column = np.clip(index, 0, inputs - 1).astype(int)
        np.add.at(weights, (np.arange(outputs), column), np.where(d <= 1, near, far))
    return weights


@pytest.mark.slow
@pytest.mark.parametrize("name", cases("image_embeds"))
def test_embeddings_of_a_picture_match_the_official_tower(name):
    case, (model, params) = NETS[name], network("image_encoder")
    pixels, size = picture(name) / 255.0, model.config.image_size
    rows, columns = (cubic(side, size) for side in pixels.shape[:2])
    resized = np.einsum("ih,jw,hwc->ijc", rows, columns, pixels)
    normalised = jnp.asarray((resized - MEAN) / STD, jnp.float32)[None]
    output = jax.jit(model.apply)({"params": params}, normalised)
    assert deviation(output.projected, case["image_embeds"]) < TOLERANCE
    first = case["last_hidden_first8"]
    assert deviation(output.last_hidden_state[:, : first.shape[1]], first) < TOLERANCE
