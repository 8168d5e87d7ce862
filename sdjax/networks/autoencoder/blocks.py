"""One resolution of the autoencoder, on the way down, at the bottom and on the way up."""

from flax import linen as nn
from jaxtyping import Array, Float

from sdjax.networks.attention import Attention
from sdjax.networks.layers import Layers
from sdjax.networks.resampling import Downsample, Upsample
from sdjax.networks.resnet import ResnetBlock

EPSILON = 1e-6  # of all norms of the autoencoder

Image = Float[Array, "b _ _ _"]


class _Block(nn.Module):
    """`depth` residual blocks of `features` channels; resampled at the end if `resamples`."""

    layers: Layers
    features: int
    groups: int
    depth: int = 2
    resamples: bool = False

    def _resnet(self, index: int) -> ResnetBlock:
        name = f"resnets_{index}"
        return ResnetBlock(self.layers, self.features, self.groups, EPSILON, name=name)


class EncoderBlock(_Block):
    """Halves the resolution; pads below and to the right only."""

    @nn.compact
    def __call__(self, x: Image) -> Image:
        """The residual blocks, then the smaller image."""
        for i in range(self.depth):
            x = self._resnet(i)(x)
        return Downsample(self.layers, (0, 1), name="downsamplers_0")(x) if self.resamples else x


class DecoderBlock(_Block):
    """Doubles the resolution."""

    @nn.compact
    def __call__(self, x: Image) -> Image:
        """The residual blocks, then the larger image."""
        for i in range(self.depth):
            x = self._resnet(i)(x)
        return Upsample(self.layers, name="upsamplers_0")(x) if self.resamples else x


class MidBlock(_Block):
    """A residual block, self-attention, a residual block."""

    @nn.compact
    def __call__(self, x: Image) -> Image:
        """The resolution stays."""
        x = self._resnet(0)(x)
        x = PixelAttention(self.layers, self.groups, name="attentions_0")(x)
        return self._resnet(1)(x)


class PixelAttention(nn.Module):
    """Self-attention of all pixels in one head, on a norm and added."""

    layers: Layers
    groups: int

    @nn.compact
    def __call__(self, x: Image) -> Image:
        """With the residual connection."""
        normed = self.layers.group_norm(self.groups, EPSILON, name="group_norm")(x)
        tokens = normed.reshape(x.shape[0], -1, x.shape[-1])
        # The checkpoints have the projections beside the norm, under no name of their own.
        attention = Attention(self.layers, heads=1, use_bias=True)
        nn.share_scope(self, attention)
        return x + attention(tokens).reshape(x.shape)
