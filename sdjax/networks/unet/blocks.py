"""One resolution of the UNet, on the way down, at the bottom and on the way up."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from sdjax.networks.layers import Layers
from sdjax.networks.resampling import Downsample, Upsample
from sdjax.networks.resnet import ResnetBlock
from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.transformer import SpatialTransformer

Image = Float[Array, "b _ _ _"]
Time = Float[Array, "b _"]
Context = Float[Array, "b _ _"]


class _Block(nn.Module):
    """What the blocks share: `level` counts from the finest resolution, `frames` the views of a
    scene."""

    layers: Layers
    config: UNetConfig
    level: int
    attends: bool = True
    resamples: bool = False
    frames: int = 1

    def _resnet(self, index: int) -> ResnetBlock:
        config = self.config
        return ResnetBlock(
            self.layers,
            config.block_out_channels[self.level],
            config.norm_num_groups,
            config.norm_eps,
            name=f"resnets_{index}",
        )

    def _transformer(self, index: int) -> SpatialTransformer:
        config = self.config
        return SpatialTransformer(
            self.layers,
            config.num_attention_heads[self.level],
            config.transformer_layers_per_block[self.level],
            config.norm_num_groups,
            config.use_linear_projection,
            self.frames,
            name=f"attentions_{index}",
        )


class DownBlock(_Block):
    """`layers_per_block` residual blocks, each with attention if `attends`; halved at the end."""

    @nn.compact
    def __call__(self, x: Image, time: Time, context: Context) -> tuple[Image, tuple[Image, ...]]:
        """The output, and all that the way up will want to see again."""
        skips = []
        for i in range(self.config.layers_per_block[self.level]):
            x = self._resnet(i)(x, time)
            x = self._transformer(i)(x, context) if self.attends else x
            skips.append(x)
        if self.resamples:
            x = Downsample(self.layers, (1, 1), name="downsamplers_0")(x)
            skips.append(x)
        return x, tuple(skips)


class MidBlock(_Block):
    """A residual block, attention, a residual block."""

    @nn.compact
    def __call__(self, x: Image, time: Time, context: Context) -> Image:
        """The resolution stays."""
        x = self._resnet(0)(x, time)
        return self._resnet(1)(self._transformer(0)(x, context), time)


class UpBlock(_Block):
    """`layers_per_block` + 1 residual blocks, each beside a skip connection; doubled at the end."""

    @nn.compact
    def __call__(self, x: Image, skips: tuple[Image, ...], time: Time, context: Context) -> Image:
        """`skips` in the order in which they are used."""
        for i, skip in enumerate(skips):
            x = self._resnet(i)(jnp.concatenate([x, skip], axis=-1), time)
            x = self._transformer(i)(x, context) if self.attends else x
        return Upsample(self.layers, name="upsamplers_0")(x) if self.resamples else x
