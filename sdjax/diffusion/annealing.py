"""Which timestep a training step uses: a function of its progress through the run.

An annealing maps `(key, progress)`, progress = step / total steps in [0, 1], to one int32
timestep.  Bounds are fractions of the T timesteps, numbers or ramps (`sdjax.diffusion.ramps`);
fractions of a timestep are cut off, as most official code bases do (in float32 a whole timestep
may so become the one below).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.diffusion import pace
from sdjax.diffusion.pace import Pace
from sdjax.diffusion.ramps import Ramp, value_at

Annealing = Callable[[jax.Array, Float[Array, ""]], Int[Array, ""]]
Rounding = Callable[[Float[Array, ""]], Float[Array, ""]]


def annealed(
    pace: Pace,
    t_max: float | Ramp = 0.98,
    t_min: float | Ramp = 0.02,
    num_timesteps: int = 1000,
    *,
    rounding: Rounding = jnp.floor,
) -> Annealing:
    """t = T (t_max - (t_max - t_min) pace); `rounding` jnp.round is that of CFD's code."""

    def annealing(key, progress):
        high, low = value_at(t_max, progress), value_at(t_min, progress)
        fraction = (high - low) * (1.0 - pace(key, progress)) + low
        return rounding(num_timesteps * fraction).astype(jnp.int32)

    return annealing


def uniform(
    t_min: float | Ramp = 0.02, t_max: float | Ramp = 0.98, num_timesteps: int = 1000
) -> Annealing:
    """t uniform in {T t_min, ..., T t_max} (DreamFusion, arXiv 2209.14988).

    Ramps narrow the range in the course of a run: MVDream has t_min 0.98 -> 0.02 and t_max
    0.98 -> 0.5 until 0.8 of it, ASD t_min 0.5 -> 0.02 and t_max 0.98 -> 0.5, VSD's code lets t_max
    jump from 0.98 to 0.5.
    """

    def bound(fraction, progress):
        if callable(fraction):
            return jnp.floor(num_timesteps * fraction(progress)).astype(jnp.int32)
        return int(num_timesteps * fraction)

    def annealing(key, progress):
        low, high = bound(t_min, progress), bound(t_max, progress)
        return jax.random.randint(key, (), low, high + 1)

    return annealing


def linear(
    t_max: float | Ramp = 0.98, t_min: float | Ramp = 0.25, num_timesteps: int = 1000
) -> Annealing:
    """t = T (t_max - (t_max - t_min) progress) (SDI, arXiv 2405.15891)."""
    return annealed(pace.steady, t_max, t_min, num_timesteps)


def sqrt(
    t_max: float | Ramp = 0.98, t_min: float | Ramp = 0.3, num_timesteps: int = 1000
) -> Annealing:
    """t = T (t_max - (t_max - t_min) sqrt(progress)) (HiFA, arXiv 2305.18766, equation 8)."""
    return annealed(pace.square_root, t_max, t_min, num_timesteps)


def along(timesteps: Int[Array, "steps"] | Int[np.ndarray, "steps"]) -> Annealing:
    """The given timesteps one after the other: entry round(progress steps)."""
    timesteps = jnp.asarray(timesteps, jnp.int32)

    def annealing(key, progress):
        index = jnp.round(progress * len(timesteps)).astype(jnp.int32)
        return timesteps[jnp.minimum(index, len(timesteps) - 1)]

    return annealing
