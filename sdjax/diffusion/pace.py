"""How a run goes from its highest timestep to its lowest: the pace of an annealing.

A pace maps `(key, progress)`, progress = step / total steps in [0, 1], to the part of the way from
t_max to t_min that is done.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.diffusion import ramps
from sdjax.diffusion.ramps import Progress

Pace = Callable[[jax.Array, Progress], Progress]


def steady(key: jax.Array, progress: Progress) -> Progress:
    """progress."""
    return progress


def square_root(key: jax.Array, progress: Progress) -> Progress:
    """sqrt(progress) (HiFA, arXiv 2305.18766, equation 8)."""
    return jnp.sqrt(progress)


def cosine(key: jax.Array, progress: Progress) -> Progress:
    """(1 - cos(pi progress)) / 2, an option of HiFA's code."""
    return 0.5 - 0.5 * jnp.cos(jnp.pi * progress)


def piecewise(knots: Sequence[float], values: Sequence[float]) -> Pace:
    """Linear between `values` at the progresses `knots` (CFD, arXiv 2501.05445)."""
    interpolate = ramps.piecewise(knots, values)
    return lambda key, progress: interpolate(progress)


def dreamtime(
    upper_mean: float = 800.0,
    lower_mean: float = 400.0,
    upper_width: float = 100.0,
    lower_width: float = 150.0,
    num_timesteps: int = 1000,
) -> Pace:
    """Slow where a prior says the most (DreamTime, arXiv 2306.12422).

    W_i = exp(-((i - mean) / width)^2) outside [lower_mean, upper_mean] and 1 inside; with R_i =
    1 - sum_(j <= i) W_j / sum W, what is left of the weight above timestep i, the pace is
    1 - i* / T for the i* whose R is nearest to the progress.
    """
    remaining = dreamtime_table(upper_mean, lower_mean, upper_width, lower_width, num_timesteps)

    def pace(key, progress):
        table = jnp.asarray(remaining, progress.dtype)
        nearest = jnp.argmin(jnp.abs(table - progress))
        return 1.0 - nearest.astype(progress.dtype) / num_timesteps

    return pace


def dreamtime_table(
    upper_mean: float,
    lower_mean: float,
    upper_width: float,
    lower_width: float,
    num_timesteps: int,
) -> np.ndarray:
    """R of `dreamtime`: float64 [timesteps], falling to 0."""
    i = np.arange(num_timesteps)
    above = np.exp(-(((i - upper_mean) / upper_width) ** 2))
    below = np.exp(-(((i - lower_mean) / lower_width) ** 2))
    weight = np.where(i > upper_mean, above, np.where(i < lower_mean, below, 1.0))
    return 1.0 - np.cumsum(weight) / weight.sum()
