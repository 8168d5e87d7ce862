"""The denoising network of Stable Diffusion 1.x and 2.x (Rombach et al., arXiv 2112.10752), and of
MVDream (Shi et al., arXiv 2308.16512), which has several views of a scene at once."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Num

from sdjax.config.errors import UserError
from sdjax.networks.layers import Layers
from sdjax.networks.rematerialisation import rematerialised
from sdjax.networks.timestep_embedding import TimestepEmbedding, sinusoids
from sdjax.networks.unet.blocks import DownBlock, MidBlock, UpBlock
from sdjax.networks.unet.config import UNetConfig


class UNet2DCondition(nn.Module):
    """diffusers' `UNet2DConditionModel`, channels last, with its parameter names.

    It computes in `dtype` (norms, logits and softmax in float32) from parameters in `param_dtype`,
    and returns `dtype`.  What of each block is kept for the gradient is `remat`
    (`sdjax.networks.rematerialisation`).

    Each `frames` consecutive rows of a batch are views of one scene: its self-attention is over
    the tokens of all of them.  No parameter depends on it, and nothing numbers the views: other
    orders of a scene's rows give the same predictions in that order.
    """

    config: UNetConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32
    remat: str = "none"
    frames: int = 1

    @nn.compact
    def __call__(
        self,
        latents: Float[Array, "b h w c"],
        timesteps: Num[Array, ""] | Num[Array, "b"] | int,
        context: Float[Array, "b tokens features"],
        extra_time_embedding: Float[Array, "b _"] | None = None,
        camera: Float[Array, "b numbers"] | None = None,
    ) -> Float[Array, "b h w out"]:
        """The prediction (noise or velocity, as trained) at scaled noisy `latents`.

        `timesteps` are 0 .. 999, one for all or one each; `context` is the embedded text.
        `extra_time_embedding` [b, 4 block_out_channels[0]] is added to the embedded timesteps,
        as diffusers adds its class embedding.  `camera` [b, config.camera_features] goes through
        two layers of its own and is added in the same place (MVDream: the rows of the 4x4
        camera-to-world matrix, at distance 1); None leaves them out, which zeros do not.
        UserError if channels, context or camera do not fit, a side is not a multiple of
        2^(blocks - 1), or the rows are not whole scenes.
        """
        _check(self.config, latents, context, self.frames)
        config, layers = self.config, Layers(self.dtype, self.param_dtype)
        channels = config.block_out_channels
        context = context.astype(self.dtype)
        time = self._embed_time(jnp.broadcast_to(timesteps, latents.shape[:1]))
        if extra_time_embedding is not None:
            time = time + extra_time_embedding.astype(self.dtype)
        if camera is not None:
            time = time + self._embed_camera(camera, len(latents))

        x = layers.conv(channels[0], name="conv_in")(latents)
        x, skips = self._down(x, time, context)
        x = self._block(MidBlock, len(channels) - 1, name="mid_block")(x, time, context)
        x = self._up(x, skips, time, context)
        x = layers.group_norm(config.norm_num_groups, config.norm_eps, name="conv_norm_out")(x)
        return layers.conv(config.out_channels, name="conv_out")(jax.nn.silu(x))

    def example_inputs(self) -> tuple[jax.ShapeDtypeStruct | None, ...]:
        """The shapes of a scene of the smallest latents, a timestep, a context of one token, and
        the cameras if the network embeds them."""
        side, config = 2 ** (len(self.config.block_out_channels) - 1), self.config
        scene = lambda *shape: jax.ShapeDtypeStruct((self.frames, *shape), jnp.float32)  # noqa: E731
        inputs = (
            scene(side, side, config.in_channels),
            jax.ShapeDtypeStruct((), jnp.int32),
            scene(1, config.cross_attention_dim),
        )
        features = config.camera_features
        return inputs if features is None else (*inputs, None, scene(features))

    def _embed_time(self, timesteps):
        config, width = self.config, self.config.block_out_channels[0]
        waves = sinusoids(
            timesteps, width, flip_sin_to_cos=config.flip_sin_to_cos, freq_shift=config.freq_shift
        )
        layers = Layers(self.dtype, self.param_dtype)
        return TimestepEmbedding(layers, 4 * width, name="time_embedding")(waves)

    def _embed_camera(self, camera, rows):
        _check_camera(camera.shape, rows, self.config.camera_features)
        layers, width = Layers(self.dtype, self.param_dtype), 4 * self.config.block_out_channels[0]
        return TimestepEmbedding(layers, width, name="camera_embedding")(camera.astype(self.dtype))

    def _down(self, x, time, context):
        skips, last = [x], len(self.config.block_out_channels) - 1
        for i, attends in enumerate(self.config.down_attention):
            block = self._block(DownBlock, i, attends, i < last, name=f"down_blocks_{i}")
            x, outputs = block(x, time, context)
            skips.extend(outputs)
        return x, skips

    def _up(self, x, skips, time, context):
        last = len(self.config.block_out_channels) - 1
        for i, attends in enumerate(self.config.up_attention):
            level = last - i
            block = self._block(UpBlock, level, attends, level > 0, name=f"up_blocks_{i}")
            used = tuple(skips.pop() for _ in range(self.config.layers_per_block[level] + 1))
            x = block(x, used, time, context)
        return x

    def _block(self, kind, level, attends=True, resamples=False, *, name):
        kind = rematerialised(kind, self.remat)
        layers = Layers(self.dtype, self.param_dtype)
        return kind(layers, self.config, level, attends, resamples, self.frames, name=name)


def _check(config: UNetConfig, latents: jax.Array, context: jax.Array, frames: int) -> None:
    for name, given, expected in (
        ("latents", latents, config.in_channels),
        ("context", context, config.cross_attention_dim),
    ):
        if given.shape[-1] != expected:
            raise UserError(f"{name} has {given.shape[-1]} channels, expected {expected}.")
    if latents.shape[0] % frames:
        raise UserError(
            f"latents have {latents.shape[0]} rows, expected a multiple of {frames}, the views of "
            "one scene."
        )
    factor = 2 ** (len(config.block_out_channels) - 1)
    if latents.shape[1] % factor or latents.shape[2] % factor:
        raise UserError(
            f"latents are {latents.shape[1]}x{latents.shape[2]}, expected multiples of {factor}."
        )


def _check_camera(shape: tuple[int, ...], rows: int, features: int | None) -> None:
    if features is None:
        raise UserError(
            "camera was given to a UNet that has no camera embedding, expected weights of MVDream."
        )
    if shape != (rows, features):
        raise UserError(f"camera has shape {list(shape)}, expected [{rows}, {features}].")
