"""The factor w(t) of a residual; each weighting maps `(schedule, t)` to a scalar.

`constant` is no weighting, `scaled` multiplies one by a number.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.config.fields import listed
from sdjax.diffusion.schedule import NoiseSchedule

Weighting = Callable[[NoiseSchedule, Int[Array, ""]], Float[Array, ""]]


def one_minus_alpha_cumprod(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = sigma_t^2 = 1 - alphas_cumprod[t] (DreamFusion, arXiv 2209.14988)."""
    return 1.0 - schedule.alpha_cumprod(t)


def constant(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = 1."""
    return jnp.ones_like(schedule.alpha_cumprod(t))


def sigma(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = sigma_t."""
    return schedule.sigma(t)


def snr(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = alpha_t^2 / sigma_t^2, the signal-to-noise ratio; its square roots are
    `alpha_over_sigma` and, inverted, `sigma_over_alpha`."""
    abar = schedule.alpha_cumprod(t)
    return abar / (1.0 - abar)


def fantasia3d(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = alpha_t sigma_t^2 (Fantasia3D, arXiv 2303.13873)."""
    return schedule.alpha(t) * (1.0 - schedule.alpha_cumprod(t))


def sigma_over_alpha(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = sigma_t / alpha_t: with it a residual is a difference of predicted clean samples."""
    return schedule.sigma(t) / schedule.alpha(t)


def alpha_over_sigma(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = alpha_t / sigma_t: turns a difference of clean samples into one of noises."""
    return schedule.alpha(t) / schedule.sigma(t)


def alpha_times_sigma(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = alpha_t sigma_t; of clean samples, it is `one_minus_alpha_cumprod` of noises."""
    return schedule.alpha(t) * schedule.sigma(t)


def alpha_cumprod_over_sigma(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = alpha_t^2 / sigma_t, strongest at low noise ("strongerlower" in HiFA's code)."""
    return schedule.alpha_cumprod(t) / schedule.sigma(t)


def one_minus_alpha(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = 1 - alpha_t: what threestudio's unified guidance evaluates as "dreamfusion", because its
    table of alphas holds square roots."""
    return 1.0 - schedule.alpha(t)


def sqrt_alpha_one_minus_alpha(schedule: NoiseSchedule, t: Int[Array, ""]) -> Float[Array, ""]:
    """w = sqrt(alpha_t) (1 - alpha_t): that guidance's "fantasia3d", for the same reason."""
    return jnp.sqrt(schedule.alpha(t)) * (1.0 - schedule.alpha(t))


def scaled(weighting: Weighting, factor: float) -> Weighting:
    """factor w(t)."""
    return lambda schedule, t: factor * weighting(schedule, t)


WEIGHTINGS = {
    weighting.__name__: weighting
    for weighting in (
        one_minus_alpha_cumprod,
        constant,
        sigma,
        snr,
        fantasia3d,
        sigma_over_alpha,
        alpha_over_sigma,
        alpha_times_sigma,
        alpha_cumprod_over_sigma,
        one_minus_alpha,
        sqrt_alpha_one_minus_alpha,
    )
}
WEIGHTING = listed(WEIGHTINGS).says("the factor w(t) of the residual")
