"""Gradients of encoding by the parameters of a prior that is itself an argument."""

import jax
import jax.numpy as jnp
import pytest

from sdjax.networks.parameters import parameter_shapes
from sdjax.priors.latent import LatentPrior
from tests.networks.components import network, small_vae


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.float32])
def test_an_encoding_is_differentiated_by_parameters_from_outside(dtype):
    autoencoder = network("vae", small_vae(), dtype=dtype)
    prior = LatentPrior(
        schedule=None,
        unet_params=None,
        autoencoder_params=parameter_shapes(autoencoder),
        unet=None,
        autoencoder=autoencoder,
        prediction_type=None,
        image_size=16,
    )
    loss = lambda prior, image: jnp.sum(prior.encode_with(image, None) ** 2)  # noqa: E731
    gradients = jax.eval_shape(
        jax.jit(jax.grad(loss, (0, 1))), prior, jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    )
    assert jax.tree.structure(gradients[0]) == jax.tree.structure(prior)
    assert gradients[1].shape == (1, 8, 8, 3)
