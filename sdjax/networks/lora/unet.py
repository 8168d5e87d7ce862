"""The trainable network of VSD: a UNet with adapters that also knows the camera.

Source: ProlificDreamer (Wang et al., arXiv 2305.16213, section 4.2) and its public code.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from sdjax.networks.layers import Layers
from sdjax.networks.lora.adapters import adapted_apply, init_adapters
from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.scaled_gradient import scaled_gradient
from sdjax.networks.timestep_embedding import TimestepEmbedding
from sdjax.networks.unet.model import UNet2DCondition


class LoraParams(NamedTuple):
    """What is trained, in float32; the UNet's own parameters stay as they are."""

    adapters: Any  # of all attention projections, see `sdjax.networks.lora.adapters`
    camera_embedding: Any  # "linear_1" and "linear_2": camera numbers -> time embedding


def init_lora(
    key: jax.Array, unet: UNet2DCondition, *, rank: int = 4, camera_features: int = 16
) -> LoraParams:
    """Adapters that change nothing yet, and a camera embedding with PyTorch's initial values.

    Those are uniform within +-1 / sqrt(inputs of the layer), biases too: unlike the adapters
    they change the prediction from the first step on.
    """
    adapter_key, *keys = jax.random.split(key, 5)
    width = 4 * unet.config.block_out_channels[0]
    sizes = {"linear_1": camera_features, "linear_2": width}
    embedding = {}
    for name, inside in sizes.items():
        kernel_key, bias_key = keys.pop(), keys.pop()
        bound = inside**-0.5
        embedding[name] = {
            "kernel": jax.random.uniform(kernel_key, (inside, width), minval=-bound, maxval=bound),
            "bias": jax.random.uniform(bias_key, (width,), minval=-bound, maxval=bound),
        }
    return LoraParams(init_adapters(adapter_key, parameter_shapes(unet), rank), embedding)


def apply_lora(
    unet: UNet2DCondition,
    unet_params: Any,
    lora: LoraParams,
    latents: Float[Array, "b h w c"],
    timesteps: Num[Array, ""] | Num[Array, "b"] | int,
    context: Float[Array, "b tokens features"],
    camera: Float[Array, "b n"] | None,
    *,
    scale: float | jax.Array = 1.0,
    own: Mapping[str, Any] = {},
) -> Float[Array, "b h w out"]:
    """The UNet's output with the adapters, and with `camera` embedded and added to the time;
    `own` are arguments of the UNet itself, such as the camera that it was trained with.

    A dropped camera is one of zeros; None leaves the camera embedding out, so that with `scale`
    0 it is the UNet's own output.
    """
    extra = None
    if camera is not None:
        width = 4 * unet.config.block_out_channels[0]
        embedding = TimestepEmbedding(Layers(jnp.float32, jnp.float32), width)
        extra = embedding.apply({"params": lora.camera_embedding}, camera.astype(jnp.float32))

    def output(params, adapters, latents, timesteps, context, extra, scale, own):
        seen = latents, timesteps, context
        options = {"extra_time_embedding": extra, "scale": scale, **own}
        return adapted_apply(unet, params, adapters, *seen, **options)

    given = unet_params, lora.adapters, latents, timesteps, context, extra, scale, dict(own)
    return scaled_gradient(output, unet.dtype)(*given)
