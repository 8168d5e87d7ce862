"""The autoencoder against recorded outputs and gradients of diffusers."""

import jax
import jax.numpy as jnp
import pytest

from tests import reference
from tests.networks.components import CHECKPOINTS, deviation, recorded, with_gradient

pytestmark = pytest.mark.usefixtures("quick_compilation")


def arrays_of(checkpoint: str) -> dict[str, jax.Array]:
    arrays = reference.load(f"tiny_{checkpoint}")["vae"]
    return {
        name: jnp.asarray(reference.channels_last(array) if array.ndim else array)
        for name, array in arrays.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_encoder_and_its_gradient_match_diffusers(checkpoint):
    (model, params), arrays = recorded(checkpoint, "vae"), arrays_of(checkpoint)

    @jax.jit
    def evaluate(params, image, cotangent):
        def encode(image):
            posterior = model.apply({"params": params}, image, method="encode")
            return posterior.mean, posterior

        _, pull, posterior = jax.vjp(encode, image, has_aux=True)
        return posterior, pull(cotangent)[0]

    posterior, gradient = evaluate(params, arrays["image"], arrays["R_latent"])
    assert deviation(posterior.mean, arrays["mean"]) < 2e-5
    assert deviation(posterior.logvar, arrays["logvar"]) < 2e-5
    assert deviation(posterior.std, arrays["std"]) < 2e-5
    assert deviation(gradient, arrays["grad_image"]) < 2e-5


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_decoder_and_its_gradient_match_diffusers(checkpoint):
    (model, params), arrays = recorded(checkpoint, "vae"), arrays_of(checkpoint)

    @jax.jit
    def evaluate(params, latents, cotangent):
        def decode(latents):
            return model.apply({"params": params}, latents, method="decode")

        return with_gradient(decode, latents, cotangent)

    image, gradient = evaluate(params, arrays["latents"], arrays["R_image"])
    assert deviation(image, arrays["decoded"]) < 2e-5
    assert deviation(gradient, arrays["grad_latents"]) < 2e-5
