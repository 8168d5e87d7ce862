"""One network of PyTorch and the same of ours on the same inputs: outputs and gradients."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.networks.components import deviation, with_gradient
from tests.parity import torch_models
from tests.parity.torch_models import channels_first, channels_last, random, torch


def compare_unets(theirs, model, params, size: tuple[int, int], timesteps: list[int]) -> None:
    """A batch as long as `timesteps`, of random latents of `size` and random contexts."""
    config, batch, t = model.config, len(timesteps), np.asarray(timesteps)
    latents = random(batch, *size, config.in_channels, seed=1)
    context = random(batch, 7, config.cross_attention_dim, seed=2)
    cotangent = random(batch, *size, config.out_channels, seed=3)

    def predict(x):
        return theirs(x, torch.from_numpy(t), torch.from_numpy(context)).sample

    expected = torch_models.with_gradient(
        predict, channels_first(latents), channels_first(cotangent)
    )

    @jax.jit
    def evaluate(params, latents, t, context, cotangent):
        def apply(x):
            return model.apply({"params": params}, x, t, context)

        return with_gradient(apply, latents, cotangent)

    found = evaluate(params, *map(jnp.asarray, (latents, t, context, cotangent)))
    _assert_close(found, expected)


def compare_autoencoders(theirs, model, params, way: str, size: tuple[int, int]) -> None:
    """Two random images of `size`, or latents of images of that size, one `way` or the other."""
    config = model.config
    latents = (2, *(n // config.factor for n in size), config.latent_channels)
    moments = (*latents[:-1], 2 * config.latent_channels)  # mean and log variance
    inputs, outputs = {
        "encode": ((2, *size, 3), moments),
        "decode": (latents, (2, *size, 3)),
    }[way]
    x, cotangent = random(*inputs, seed=1), random(*outputs, seed=2)

    def reference(x):
        if way == "decode":
            return theirs.decode(x).sample
        return theirs.encode(x).latent_dist.parameters

    expected = torch_models.with_gradient(reference, channels_first(x), channels_first(cotangent))

    @jax.jit
    def evaluate(params, x, cotangent):
        def apply(x):
            output = model.apply({"params": params}, x, method=way)
            return output if way == "decode" else jnp.concatenate(output, axis=-1)

        return with_gradient(apply, x, cotangent)

    _assert_close(evaluate(params, jnp.asarray(x), jnp.asarray(cotangent)), expected)


def _assert_close(found, expected) -> None:
    """Each entry of the batch by itself."""
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours) == len(theirs)
        for our_entry, their_entry in zip(ours, channels_last(theirs), strict=True):
            assert deviation(our_entry, their_entry) < 2e-5
