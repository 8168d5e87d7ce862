"""A second, noisier timestep beside t: DSD's t_delta and ASD's t_plus.

An overshoot maps `(t, u, T)` to it, with u a draw that is uniform in [0, 1) and T the number of
timesteps.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

Overshoot = Callable[[Int[Array, ""], float | Float[Array, ""], int], Int[Array, ""]]


def proportional(
    t_min: float | Float[Array, ""] = 0.32, ratio: float = 0.1, least: int = 1
) -> Overshoot:
    """t + trunc(u ratio (t - T t_min)), at most T - 1 and at least `least`: the choice of DSD in
    3D (arXiv 2412.06780, appendix B) and of ASD, as both official codes have it."""

    def overshoot(t, u, num_timesteps):
        least_t = num_timesteps * t_min
        least_t = int(least_t) if isinstance(least_t, float) else jnp.trunc(least_t)
        room = jnp.clip(ratio * (t - least_t), 0.0, num_timesteps - 1.0 - t)
        return jnp.clip(t + jnp.trunc(u * room).astype(jnp.int32), least, num_timesteps - 1)

    return overshoot


def constant(delta: float) -> Overshoot:
    """t + T delta, at most T - 1: DSD's choice in 2D (algorithm 2), where delta = 1 / ODE
    steps."""
    return lambda t, u, num_timesteps: jnp.minimum(
        t + round(num_timesteps * delta), num_timesteps - 1
    )
