"""Our UNet beside diffusers' on random weights, in configurations that are not recorded."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.networks.components import deviation, small_unet, with_gradient
from tests.parity import torch_models
from tests.parity.conversion import converted
from tests.parity.torch_models import channels_first, channels_last, random, torch

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]

CONVOLUTIONS = {"layers_per_block": 2}
LINEAR = {"use_linear_projection": True, "attention_head_dim": [2, 4], "upcast_attention": True}
CASES = {
    "sd1": CONVOLUTIONS,
    "sd1, 8 channels": {**CONVOLUTIONS, "in_channels": 8},
    "sd2": LINEAR,
    "sd2, 9 channels": {**LINEAR, "in_channels": 9, "out_channels": 3},
    "depths differ": {**LINEAR, "layers_per_block": [1, 2], "transformer_layers_per_block": [2, 1]},
    "sines first": {"flip_sin_to_cos": False, "freq_shift": 1, "norm_eps": 1e-3},
    "attention below": {
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    },
}


@pytest.mark.parametrize("case", CASES)
def test_output_and_gradients_match_diffusers(case, tmp_path):
    fields = small_unet(**CASES[case])
    theirs = torch_models.random_model("unet", fields)
    model, params = converted(theirs, "unet", fields, tmp_path)
    out_channels = fields.get("out_channels", 4)
    latents = random(2, 8, 4, fields.get("in_channels", 4), seed=1)
    context = random(2, 7, 12, seed=2)
    cotangent = random(2, 8, 4, out_channels, seed=3)
    t = np.asarray([17, 803])

    def predict(x):
        return theirs(x, torch.from_numpy(t), torch.from_numpy(context)).sample

    expected, expected_gradient = torch_models.with_gradient(
        predict, channels_first(latents), channels_first(cotangent)
    )

    @jax.jit
    def evaluate(params, latents, t, context, cotangent):
        def apply(x):
            return model.apply({"params": params}, x, t, context)

        return with_gradient(apply, latents, cotangent)

    output, gradient = evaluate(params, *map(jnp.asarray, (latents, t, context, cotangent)))
    assert deviation(output, channels_last(expected)) < 2e-5
    assert deviation(gradient, channels_last(expected_gradient)) < 2e-5
