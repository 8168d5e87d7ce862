"""The transformer of CLIP (Radford et al., arXiv 2103.00020), for text and images."""

import jax
from flax import linen as nn
from jaxtyping import Array, Float

from sdjax.networks.attention import multi_head_attention
from sdjax.networks.clip.config import EncoderConfig
from sdjax.networks.layers import Layers

Tokens = Float[Array, "b t c"]


def activate(x: Float[Array, "..."], hidden_act: str) -> Float[Array, "..."]:
    """x sigmoid(1.702 x) for "quick_gelu", x times the normal CDF of x for "gelu"."""
    if hidden_act == "quick_gelu":
        return x * jax.nn.sigmoid(1.702 * x)
    return jax.nn.gelu(x, approximate=False)


class SelfAttention(nn.Module):
    """Multi-head self-attention; a token sees those before it only if `is_causal`."""

    config: EncoderConfig
    layers: Layers
    is_causal: bool

    @nn.compact
    def __call__(self, x: Tokens) -> Tokens:
        """Without the residual connection."""
        q, k, v = (
            self.layers.dense(self.config.hidden_size, name=name)(x)
            for name in ("q_proj", "k_proj", "v_proj")
        )
        heads = self.config.num_attention_heads
        attended = multi_head_attention(q, k, v, heads, is_causal=self.is_causal)
        return self.layers.dense(self.config.hidden_size, name="out_proj")(attended)


class MLP(nn.Module):
    """Two layers with the activation between them."""

    config: EncoderConfig
    layers: Layers

    @nn.compact
    def __call__(self, x: Tokens) -> Tokens:
        """Without the residual connection."""
        hidden = self.layers.dense(self.config.intermediate_size, name="fc1")(x)
        hidden = activate(hidden, self.config.hidden_act)
        return self.layers.dense(self.config.hidden_size, name="fc2")(hidden)


class EncoderLayer(nn.Module):
    """Self-attention and an MLP, each on a norm and added."""

    config: EncoderConfig
    layers: Layers
    is_causal: bool

    @nn.compact
    def __call__(self, x: Tokens) -> Tokens:
        """One layer."""
        norm = self.layers.layer_norm
        epsilon = self.config.layer_norm_eps
        attention = SelfAttention(self.config, self.layers, self.is_causal, name="self_attn")
        x = x + attention(norm(epsilon, name="layer_norm1")(x))
        mlp = MLP(self.config, self.layers, name="mlp")
        return x + mlp(norm(epsilon, name="layer_norm2")(x))


class Encoder(nn.Module):
    """All layers."""

    config: EncoderConfig
    layers: Layers
    is_causal: bool

    @nn.compact
    def __call__(self, x: Tokens) -> tuple[Tokens, ...]:
        """The states before the first layer and after each one, without a norm."""
        states = [x]
        for i in range(self.config.num_hidden_layers):
            layer = EncoderLayer(self.config, self.layers, self.is_causal, name=f"layers_{i}")
            states.append(layer(states[-1]))
        return tuple(states)
