"""Noise without a place in space: fresh at every step, or one draw for the whole run."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.config.fields import fields_of, number
from sdjax.config.kinds import Kind
from sdjax.diffusion.ramps import Ramp
from sdjax.rules.noise.function import GAMMA, NoiseFunction, placeless, reduce_noise, refreshing


def gaussian() -> NoiseFunction:
    """Independent noise at every step, as SDS uses it."""
    return NoiseFunction(
        init=lambda key, shape: (),
        sample=lambda key, state, view, shape: jax.random.normal(key, shape),
    )


def offset_gaussian(strength: float = 0.1) -> NoiseFunction:
    """`offset` noise, fresh at every step, as LucidDreamer's official code has it."""

    def sample(key, state, view, shape):
        pixel_key, channel_key = jax.random.split(key)
        per_channel = jax.random.normal(channel_key, (1, 1, 1, shape[-1]))
        return offset(jax.random.normal(pixel_key, shape), per_channel, strength)

    return NoiseFunction(init=lambda key, shape: (), sample=sample)


def offset(
    noise: Float[Array, "v h w c"], per_channel: Float[Array, "1 1 1 c"], strength: float
) -> Float[Array, "v h w c"]:
    """noise + strength per_channel: one more draw for each channel, shared by all pixels and
    views; its variance is 1 + strength^2."""
    return noise + strength * per_channel


def fixed(gamma: float | Ramp = 0.0) -> NoiseFunction:
    """One noise for the whole run and all views (FSD in 2D, arXiv 2405.10988, section 3.2), or
    one of which every step refreshes the part `gamma` (see `refresh`)."""

    def sample(key, noise, view, shape):
        return jnp.broadcast_to(reduce_noise(noise, shape[1:3]), shape)

    return NoiseFunction(jax.random.normal, sample, refreshing(gamma))


NONE = Kind("none", lambda radius=None: None)  # of rules that find their noise, or keep their own
GAUSSIAN = Kind("gaussian", placeless(gaussian))
OFFSET = Kind(
    "offset",
    placeless(offset_gaussian),
    fields_of(offset_gaussian, strength=number(at_least=0).says("of a channel's own draw")),
)
FIXED = Kind("fixed", placeless(fixed), fields_of(fixed, gamma=GAMMA))
