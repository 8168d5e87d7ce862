"""What a network may predict (epsilon, v or the sample), and the way from one to another.

All of x_t = alpha_t x_0 + sigma_t epsilon and v = alpha_t epsilon - sigma_t x_0 (Salimans & Ho,
arXiv 2202.00512, section 4).  A timestep is a scalar, or one per entry of the leading axis.
"""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.config.errors import UserError
from sdjax.diffusion.schedule import NoiseSchedule

PredictionType = Literal["epsilon", "v_prediction", "sample"]
Timestep = Int[Array, ""] | Int[Array, "batch"] | int


def _coefficients(schedule: NoiseSchedule, t: Timestep, x) -> tuple[Array, Array]:
    """alpha_t and sigma_t, shaped to multiply `x` along its leading axis."""
    t = jnp.asarray(t)
    shape = t.shape + (1,) * (x.ndim - t.ndim) if t.ndim else ()
    return schedule.alpha(t).reshape(shape), schedule.sigma(t).reshape(shape)


def add_noise(
    schedule: NoiseSchedule, x_0: Float[Array, "..."], noise: Float[Array, "..."], t: Timestep
) -> Float[Array, "..."]:
    """x_t = alpha_t x_0 + sigma_t noise."""
    alpha, sigma = _coefficients(schedule, t, x_0)
    return alpha * x_0 + sigma * noise


def velocity(
    schedule: NoiseSchedule, x_0: Float[Array, "..."], noise: Float[Array, "..."], t: Timestep
) -> Float[Array, "..."]:
    """v = alpha_t noise - sigma_t x_0, the target of a v-prediction network."""
    alpha, sigma = _coefficients(schedule, t, x_0)
    return alpha * noise - sigma * x_0


def predicted_x0(
    schedule: NoiseSchedule, x_t: Float[Array, "..."], epsilon: Float[Array, "..."], t: Timestep
) -> Float[Array, "..."]:
    """x_0 = (x_t - sigma_t epsilon) / alpha_t, the one-step estimate of the clean sample."""
    alpha, sigma = _coefficients(schedule, t, x_t)
    return (x_t - sigma * epsilon) / alpha


def to_epsilon(
    schedule: NoiseSchedule,
    prediction_type: PredictionType,
    output: Float[Array, "..."],
    x_t: Float[Array, "..."],
    t: Timestep,
) -> Float[Array, "..."]:
    """The noise that a network's output stands for.

    epsilon: itself; v_prediction: sigma_t x_t + alpha_t v; sample: (x_t - alpha_t x_0) / sigma_t.
    """
    if prediction_type == "epsilon":
        return output
    alpha, sigma = _coefficients(schedule, t, x_t)
    if prediction_type == "v_prediction":
        return sigma * x_t + alpha * output
    if prediction_type == "sample":
        return (x_t - alpha * output) / sigma
    raise UserError(
        f"prediction_type is {prediction_type!r}, expected 'epsilon', 'v_prediction' or 'sample'."
    )
