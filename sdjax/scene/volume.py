"""Emission and absorption along rays (Max 1995; NeRF, arXiv 2003.08934).

Interval i of a ray has density sigma_i and length delta_i, so optical thickness
tau_i = sigma_i delta_i:

    alpha_i = 1 - exp(-tau_i)           what it absorbs
    T_i     = exp(-sum_{j < i} tau_j)   what reaches it (transmittance)
    w_i     = T_i alpha_i               its weight;  sum_i w_i = 1 - exp(-sum_i tau_i)
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def weights(
    densities: Float[Array, "*rays n"], deltas: Float[Array, "*rays n"]
) -> Float[Array, "*rays n"]:
    """The weights w_i in [0, 1] of the intervals of each ray, front to back."""
    thickness = densities * deltas
    return jnp.exp(-_sum_before(thickness)) * -jnp.expm1(-thickness)


def composite(
    ray_weights: Float[Array, "*rays n"], values: Float[Array, "*rays n channels"]
) -> Float[Array, "*rays channels"]:
    """sum_i w_i v_i."""
    return jnp.sum(ray_weights[..., None] * values, axis=-2)


def over(
    colour: Float[Array, "*rays 3"],
    opacity: Float[Array, "*rays 1"],
    background: Float[Array, "*rays 3"],
) -> Float[Array, "*rays 3"]:
    """A composited colour (opacity already multiplied in) over a background."""
    return colour + (1 - opacity) * background


def expected_depth(
    ray_weights: Float[Array, "*rays n"],
    distances: Float[Array, "*rays n"],
    far: Float[Array, "*rays"],
) -> Float[Array, "*rays"]:
    """sum_i w_i t_i + (1 - opacity) far: light that passes ends at the far bound, so the
    depth is defined, and its gradient bounded, on empty rays too."""
    rest = 1 - jnp.sum(ray_weights, axis=-1)
    return jnp.sum(ray_weights * distances, axis=-1) + rest * far


def mean_depth(
    ray_weights: Float[Array, "*rays n"], distances: Float[Array, "*rays n"]
) -> Float[Array, "*rays"]:
    """sum_i w_i t_i / sum_i w_i: how far what the ray sees is on average; 0 on empty rays."""
    opacity = jnp.sum(ray_weights, axis=-1)
    return jnp.sum(ray_weights * distances, axis=-1) / jnp.maximum(opacity, 1e-6)


def _sum_before(values: Float[Array, "*rays n"]) -> Float[Array, "*rays n"]:
    # never cumsum - self: at thickness 1e6 that difference has an error of 0.1
    count = values.shape[-1]
    earlier = jnp.triu(jnp.ones((count, count)), 1)
    return jnp.einsum("...j,ji->...i", values, earlier, precision="highest")
