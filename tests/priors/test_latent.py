"""Gradients of encoding by the parameters of a prior that are themselves arguments."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

from sdjax.networks.parameters import parameter_shapes
from sdjax.priors.latent import LatentPrior
from tests.networks.components import network, small_vae


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.float32])
def test_an_encoding_is_differentiated_by_parameters_from_outside(dtype):
    autoencoder = network("vae", small_vae(), dtype=dtype)

    def loss(params, image):
        fields = {"autoencoder": autoencoder, "autoencoder_params": params, "image_size": 16}
        return jnp.sum(LatentPrior.encode_with(SimpleNamespace(**fields), image, None) ** 2)

    inputs = parameter_shapes(autoencoder), jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    gradients = jax.eval_shape(jax.jit(jax.grad(loss, (0, 1))), *inputs)
    assert jax.tree.structure(gradients) == jax.tree.structure(inputs)
