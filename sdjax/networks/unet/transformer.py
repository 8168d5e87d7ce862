"""Attention of a feature map to itself and to the context."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from sdjax.networks.activation import gelu
from sdjax.networks.attention import Attention
from sdjax.networks.layers import Layers

Tokens = Float[Array, "b t c"]
Context = Float[Array, "b s _"]


class GEGLU(nn.Module):
    """a gelu(b), (a, b) = x W + c, with the exact gelu (arXiv 2002.05202)."""

    layers: Layers
    features: int

    @nn.compact
    def __call__(self, x: Tokens) -> Float[Array, "b t {self.features}"]:
        """Both halves come from one product."""
        value, gate = jnp.split(self.layers.dense(2 * self.features, name="proj")(x), 2, axis=-1)
        return value * gelu(gate)


class FeedForward(nn.Module):
    """A GEGLU four times as wide, and back."""

    layers: Layers

    @nn.compact
    def __call__(self, x: Tokens) -> Tokens:
        """Without the residual connection."""
        channels = x.shape[-1]
        hidden = GEGLU(self.layers, 4 * channels, name="net_0")(x)
        return self.layers.dense(channels, name="net_2")(hidden)


class TransformerBlock(nn.Module):
    """Self-attention, attention to the context, feed-forward; each on a norm and added.

    Each `frames` consecutive rows are views of one scene, and self-attention is over the tokens of
    all of them, (b f) l c -> b (f l) c; the context is each row's own (MVDream, arXiv 2308.16512,
    section 3.2).
    """

    layers: Layers
    heads: int
    frames: int = 1

    @nn.compact
    def __call__(self, x: Tokens, context: Context) -> Tokens:
        """`context` is the embedded text."""
        scene = self.layers.layer_norm(name="norm1")(x).reshape(
            -1, self.frames * x.shape[1], x.shape[2]
        )
        attended = Attention(self.layers, self.heads, name="attn1")(scene)
        x = x + attended.reshape(x.shape)
        x = x + Attention(self.layers, self.heads, name="attn2")(
            self.layers.layer_norm(name="norm2")(x), context
        )
        return x + FeedForward(self.layers, name="ff")(self.layers.layer_norm(name="norm3")(x))


class SpatialTransformer(nn.Module):
    """A norm, a projection, `depth` transformer blocks on the pixels as tokens, a projection.

    The projections are 1x1 convolutions (Stable Diffusion 1.x) or dense layers (2.x): the same
    map, under parameters of different shapes.
    """

    layers: Layers
    heads: int
    depth: int
    groups: int
    use_linear_projection: bool
    frames: int = 1

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], context: Context) -> Float[Array, "b h w c"]:
        """With the residual connection."""
        hidden = self.layers.group_norm(self.groups, 1e-6, name="norm")(x)
        hidden = self._project(hidden, "proj_in").reshape(x.shape[0], -1, x.shape[-1])
        for i in range(self.depth):
            name = f"transformer_blocks_{i}"
            block = TransformerBlock(self.layers, self.heads, self.frames, name=name)
            hidden = block(hidden, context)
        return x + self._project(hidden.reshape(x.shape), "proj_out")

    def _project(self, x, name):
        if self.use_linear_projection:
            return self.layers.dense(x.shape[-1], name=name)(x)
        return self.layers.conv(x.shape[-1], 1, name=name)(x)
