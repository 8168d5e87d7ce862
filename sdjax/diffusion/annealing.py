"""Which timestep a training step uses: a function of its progress through the run.

An annealing maps `(key, progress)`, progress = step / total steps in [0, 1], to one int32
timestep.  Bounds are fractions of the T timesteps; fractions of a timestep are cut off, as the
official code bases do (in float32 a whole timestep may so become the one below).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

Annealing = Callable[[jax.Array, Float[Array, ""]], Int[Array, ""]]


def _timestep(fraction: Float[Array, ""], num_timesteps: int) -> Int[Array, ""]:
    return jnp.floor(num_timesteps * fraction).astype(jnp.int32)


def uniform(t_min: float = 0.02, t_max: float = 0.98, num_timesteps: int = 1000) -> Annealing:
    """t uniform in {T t_min, ..., T t_max}, whatever the progress (DreamFusion, 2209.14988)."""
    low, high = int(num_timesteps * t_min), int(num_timesteps * t_max)
    return lambda key, progress: jax.random.randint(key, (), low, high + 1)


def linear(t_max: float = 0.98, t_min: float = 0.25, num_timesteps: int = 1000) -> Annealing:
    """t = T (t_max - (t_max - t_min) progress) (SDI, arXiv 2405.15891)."""
    return lambda key, progress: _timestep(
        (t_max - t_min) * (1.0 - progress) + t_min, num_timesteps
    )


def sqrt(t_max: float = 0.98, t_min: float = 0.3, num_timesteps: int = 1000) -> Annealing:
    """t = T (t_max - (t_max - t_min) sqrt(progress)) (HiFA, arXiv 2305.18766, equation 8)."""
    return lambda key, progress: _timestep(
        (t_max - t_min) * (1.0 - jnp.sqrt(progress)) + t_min, num_timesteps
    )


def along(timesteps: Int[Array, "steps"] | Int[np.ndarray, "steps"]) -> Annealing:
    """The given timesteps one after the other: entry round(progress steps)."""
    timesteps = jnp.asarray(timesteps, jnp.int32)

    def annealing(key, progress):
        index = jnp.round(progress * len(timesteps)).astype(jnp.int32)
        return timesteps[jnp.minimum(index, len(timesteps) - 1)]

    return annealing
