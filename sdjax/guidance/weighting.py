"""The factor w(t) of a residual; each weighting maps `(schedule, t)` to a scalar."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.diffusion.schedule import NoiseSchedule

Weighting = Callable[[NoiseSchedule, Int[Array, ""]], Float[Array, ""]]


def one_minus_alpha_cumprod(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = sigma_t^2 = 1 - alphas_cumprod[t] (DreamFusion, arXiv 2209.14988)."""
    return 1.0 - schedule.alpha_cumprod(t)


def constant(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = 1."""
    return jnp.ones_like(schedule.alpha_cumprod(t))


def fantasia3d(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = alpha_t sigma_t^2 (Fantasia3D, arXiv 2303.13873)."""
    return schedule.alpha(t) * (1.0 - schedule.alpha_cumprod(t))


def sigma_over_alpha(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = sigma_t / alpha_t: with it a residual is a difference of predicted clean samples."""
    return schedule.sigma(t) / schedule.alpha(t)
