"""A UNet with adapters and a camera, beside diffusers' with the same put into it by hand.

ProlificDreamer's code adds low-rank layers to the projections of all attention and sets
`class_embedding` to a `TimestepEmbedding` of the camera's 16 numbers.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from sdjax.networks.lora.unet import apply_lora, init_lora
from tests.networks.components import deviation, small_unet
from tests.parity import torch_models
from tests.parity.conversion import converted
from tests.parity.torch_models import channels_first, channels_last, diffusers, random, torch

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]

SCALE = 0.6
CASES = {"sd1": {}, "sd2": {"use_linear_projection": True, "attention_head_dim": [2, 4]}}


def drawn(lora):
    """All numbers random, those of U too."""
    leaves, tree = jax.tree.flatten(lora)
    draws = [0.2 * random(*leaf.shape, seed=i) for i, leaf in enumerate(leaves)]
    return jax.tree.unflatten(tree, [jnp.asarray(draw) for draw in draws])


def put_into(theirs, lora):
    """Low-rank layers as hooks, and the camera's embedding as the class embedding."""
    modules = {name.replace(".", "_"): module for name, module in theirs.named_modules()}
    flat = traverse_util.flatten_dict(lora.adapters)
    for path in {path[:-1] for path in flat}:
        down, up = (torch.from_numpy(np.array(flat[*path, name])) for name in ("down", "up"))
        modules["_".join(path)].register_forward_hook(
            lambda _, given, output, down=down, up=up: output + SCALE * (given[0] @ down) @ up
        )
    embedding = diffusers.models.embeddings.TimestepEmbedding(16, 32)
    state = {}
    for name, layer in lora.camera_embedding.items():
        state[f"{name}.weight"] = torch.from_numpy(np.array(layer["kernel"].T))
        state[f"{name}.bias"] = torch.from_numpy(np.array(layer["bias"]))
    embedding.load_state_dict(state)
    theirs.class_embedding = embedding


@pytest.mark.parametrize("case", CASES)
def test_output_and_gradients_match(case, tmp_path):
    fields = small_unet(**CASES[case])
    theirs = torch_models.random_model("unet", fields)
    model, params = converted(theirs, "unet", fields, tmp_path)
    lora = drawn(init_lora(jax.random.key(0), model))
    put_into(theirs, lora)
    latents, cotangent = (random(2, 4, 4, 4, seed=seed) for seed in (1, 2))
    context, camera, t = random(2, 7, 12, seed=3), random(2, 16, seed=4), np.asarray([17, 803])

    def predict(x):
        given = torch.from_numpy(t), torch.from_numpy(context)
        return theirs(x, *given, class_labels=torch.from_numpy(camera)).sample

    expected, expected_gradient = torch_models.with_gradient(
        predict, channels_first(latents), channels_first(cotangent)
    )

    @jax.jit
    def evaluate(latents):
        given = tuple(map(jnp.asarray, (t, context, camera)))
        apply = lambda x: apply_lora(model, params, lora, x, *given, scale=SCALE)  # noqa: E731
        output, pull = jax.vjp(apply, latents)
        return output, pull(jnp.asarray(cotangent))[0]

    output, gradient = evaluate(jnp.asarray(latents))
    assert deviation(output, channels_last(expected)) < 2e-5
    assert deviation(gradient, channels_last(expected_gradient)) < 2e-5
