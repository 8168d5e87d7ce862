"""Our autoencoder beside diffusers' on random weights, in a configuration that is not recorded."""

import jax
import jax.numpy as jnp
import pytest

from tests.networks.components import deviation, small_vae, with_gradient
from tests.parity import torch_models
from tests.parity.conversion import converted
from tests.parity.torch_models import channels_first, channels_last, random

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]

FIELDS = small_vae(layers_per_block=2, latent_channels=6)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    theirs = torch_models.random_model("vae", FIELDS)
    return theirs, *converted(theirs, "vae", FIELDS, tmp_path_factory.mktemp("vae"))


@pytest.mark.parametrize(
    ("way", "inputs", "outputs"),
    [("encode", (2, 12, 8, 3), (2, 6, 4, 12)), ("decode", (2, 6, 4, 6), (2, 12, 8, 3))],
)
def test_output_and_gradient_match_diffusers(pair, way, inputs, outputs):
    theirs, model, params = pair
    x, cotangent = random(*inputs, seed=1), random(*outputs, seed=2)

    def reference(x):
        if way == "decode":
            return theirs.decode(x).sample
        return theirs.encode(x).latent_dist.parameters

    expected, expected_gradient = torch_models.with_gradient(
        reference, channels_first(x), channels_first(cotangent)
    )

    @jax.jit
    def evaluate(params, x, cotangent):
        def apply(x):
            output = model.apply({"params": params}, x, method=way)
            return output if way == "decode" else jnp.concatenate(output, axis=-1)

        return with_gradient(apply, x, cotangent)

    output, gradient = evaluate(params, jnp.asarray(x), jnp.asarray(cotangent))
    assert deviation(output, channels_last(expected)) < 2e-5
    assert deviation(gradient, channels_last(expected_gradient)) < 2e-5
