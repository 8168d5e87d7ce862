"""Multi-head attention through `jax.nn.dot_product_attention`, in another form on CPUs."""

import re
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

from sdjax.networks import attention_on_cpus
from sdjax.networks.layers import Layers


def attention_implementation(
    compute_capability: str | None, dtype: jax.typing.DTypeLike, head_dim: int
) -> Literal["cudnn", "xla"]:
    """The implementation of attention: "cudnn" where its flash attention runs, else "xla".

    It runs on NVIDIA GPUs from Ampere on, `compute_capability` "8.0", in bfloat16 or float16 with
    a `head_dim` that is a multiple of 8 and at most 128 (256 from Hopper on, which is not asked
    for here).  Other devices have no `compute_capability`, or one that is not two numbers (AMD).
    Any two sequence lengths will do, since no bias is added to the logits.
    """
    number = re.fullmatch(r"(\d+)\.\d+", compute_capability or "")
    ampere = number is not None and int(number[1]) >= 8
    low_precision = jnp.dtype(dtype) in (jnp.bfloat16, jnp.float16)
    fits = head_dim % 8 == 0 and head_dim <= 128
    return "cudnn" if ampere and low_precision and fits else "xla"


def multi_head_attention(
    query: Float[Array, "b t c"],
    key: Float[Array, "b s c"],
    value: Float[Array, "b s c"],
    heads: int,
    *,
    is_causal: bool = False,
) -> Float[Array, "b t c"]:
    """softmax(q k^T / sqrt(d)) v in each of `heads` slices of d = c / heads channels, rejoined.

    With `is_causal`, token i sees tokens 0 .. i.  Logits and softmax are float32 whatever the
    inputs, so the `upcast_attention` of a checkpoint's configuration needs nothing more.
    """

    def split(x):
        return x.reshape(*x.shape[:2], heads, -1)

    query, key, value = split(query), split(key), split(value)
    capability, dtype = getattr(jax.local_devices()[0], "compute_capability", None), query.dtype
    if dtype == jnp.float16 and capability is None:  # only GPUs have its products with float32 sums
        query, key, value = (x.astype(jnp.float32) for x in (query, key, value))
    implementation = attention_implementation(capability, query.dtype, query.shape[-1])
    attend = partial(
        jax.nn.dot_product_attention, is_causal=is_causal, implementation=implementation
    )
    if query.dtype == jnp.float32 and not is_causal:
        attend = partial(lax.platform_dependent, cpu=attention_on_cpus.attend, default=attend)
    joined = attend(query, key, value)
    return joined.astype(dtype).reshape(*joined.shape[:2], -1)


class Attention(nn.Module):
    """Projections to query, key and value, attention in `heads` heads, a projection back.

    Keys and values come from `context` [b, s, any], or from `x` itself.
    """

    layers: Layers
    heads: int
    use_bias: bool = False  # of query, key and value

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t c"], context: Float[Array, "b s _"] | None = None
    ) -> Float[Array, "b t c"]:
        """Without the residual connection."""
        channels = x.shape[-1]
        context = x if context is None else context
        query = self.layers.dense(channels, use_bias=self.use_bias, name="to_q")(x)
        key = self.layers.dense(channels, use_bias=self.use_bias, name="to_k")(context)
        value = self.layers.dense(channels, use_bias=self.use_bias, name="to_v")(context)
        attended = multi_head_attention(query, key, value, self.heads)
        return self.layers.dense(channels, name="to_out_0")(attended)
