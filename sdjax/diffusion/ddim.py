"""DDIM (Song et al., arXiv 2010.02502): one step, and trajectories of steps as `lax.scan`.

One step serves both directions: from timestep `t` to a lower one it samples, to a higher one it
inverts.  A trajectory is a descending or ascending sequence of timesteps; two equal neighbours
are a step of length zero, which evaluates nothing, so that a sequence of static length can end
early.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.config.errors import UserError
from sdjax.diffusion.prediction import PredictionType, predicted_x0, to_epsilon
from sdjax.diffusion.schedule import NoiseSchedule

Latents = Float[Array, "views *shape"]
Trajectory = Float[Array, "_ views *shape"]
Path = Int[Array, "nodes"] | Int[np.ndarray, "nodes"]
PredictNoise = Callable[[Latents, Int[Array, ""]], Latents]


def leading_timesteps(steps: int, num_timesteps: int = 1000, offset: int = 1) -> np.ndarray:
    """Ascending int32 [steps]: offset + k (T // steps), diffusers' "leading" spacing."""
    return (np.arange(steps) * (num_timesteps // steps) + offset).astype(np.int32)


def trailing_timesteps(steps: int, num_timesteps: int = 1000) -> np.ndarray:
    """Ascending int32 [steps]: round(T - k T / steps) - 1, diffusers' "trailing" spacing."""
    grid = np.round(np.arange(num_timesteps, 0, -num_timesteps / steps))
    return (grid[::-1] - 1).astype(np.int32)


def linspace_timesteps(steps: int, num_timesteps: int = 1000) -> np.ndarray:
    """Ascending int32 [steps]: round(linspace(0, T - 1, steps)), diffusers' "linspace" spacing."""
    return np.round(np.linspace(0, num_timesteps - 1, steps)).astype(np.int32)


GRIDS = {
    "leading": leading_timesteps,
    "trailing": trailing_timesteps,
    "linspace": linspace_timesteps,
}


def sampling_path(timesteps: np.ndarray, num_timesteps: int = 1000) -> np.ndarray:
    """The path int32 [steps + 1] along which a grid is sampled: the grid descending, then one
    stride further, which is negative (clean data)."""
    return np.append(timesteps[::-1], timesteps[0] - num_timesteps // len(timesteps))


def inversion_path(timesteps: np.ndarray, num_timesteps: int = 1000) -> np.ndarray:
    """`sampling_path` the other way round: from clean data up to the noisiest timestep."""
    return sampling_path(timesteps, num_timesteps)[::-1].copy()


def ddim_step(
    schedule: NoiseSchedule,
    x: Float[Array, "..."],
    epsilon: Float[Array, "..."],
    t: Int[Array, ""] | int,
    t_next: Int[Array, ""] | int,
    *,
    eta: float = 0.0,
    noise: Float[Array, "..."] | None = None,
) -> Float[Array, "..."]:
    """x at `t_next`, from `x` at `t` with the predicted noise `epsilon` (equation 12).

    x' = alpha' x_0 + sqrt(1 - abar' - std^2) epsilon + std noise with x_0 the predicted clean
    sample, abar = alphas_cumprod and std = eta sqrt((1 - abar') / (1 - abar) (1 - abar / abar')).
    `eta` 0 is deterministic; `eta` 1 is ancestral sampling and needs `noise`.
    """
    x_0 = predicted_x0(schedule, x, epsilon, t)
    if noise is None:
        return schedule.alpha(t_next) * x_0 + schedule.sigma(t_next) * epsilon
    abar, abar_next = schedule.alpha_cumprod(t), schedule.alpha_cumprod(t_next)
    variance = eta**2 * (1.0 - abar_next) / (1.0 - abar) * (1.0 - abar / abar_next)
    direction = jnp.sqrt(1.0 - abar_next - variance) * epsilon
    return schedule.alpha(t_next) * x_0 + direction + jnp.sqrt(variance) * noise


def ddim_path(
    predict_noise: PredictNoise,
    schedule: NoiseSchedule,
    x: Latents,
    path: Path,
    *,
    evaluate_at: str = "source",
    prediction_type: PredictionType = "epsilon",
    eta: float = 0.0,
    noise: Trajectory | None = None,
) -> tuple[Latents, Trajectory, Trajectory]:
    """Follow `path` from `x`, which lives at `path[0]`.

    Returns the state at the end, the state before each step and the noise predicted in it, the
    last two with a leading axis of `nodes - 1`.  `evaluate_at` says at which end of a step the
    network is asked: "source", as sampling does (and diffusers' inverse scheduler did up to
    0.19), or "destination", as diffusers' inverse scheduler does now; either way its output is
    read as `prediction_type` at the source, where x lives.  A step between equal timesteps is
    skipped and reports a prediction of zeros.  The path is followed in the schedule's precision,
    float32, or that of `x` if it is higher.
    """

    def move(x, t, t_next, noise):
        output = predict_noise(x, t if evaluate_at == "source" else t_next)
        epsilon = to_epsilon(schedule, prediction_type, output, x, t).astype(x.dtype)
        return ddim_step(schedule, x, epsilon, t, t_next, eta=eta, noise=noise), epsilon

    def stay(x, t, t_next, noise):
        return x, jnp.zeros_like(x)

    def body(x, step):
        t, t_next, noise = step
        x_next, epsilon = jax.lax.cond(t == t_next, stay, move, x, t, t_next, noise)
        return x_next, (x, epsilon)

    path = jnp.asarray(path, jnp.int32)
    x = x.astype(jnp.result_type(x, schedule.alphas_cumprod))
    end, (states, epsilons) = jax.lax.scan(body, x, (path[:-1], path[1:], noise))
    return end, states, epsilons


def ddim_sample(
    predict_noise: PredictNoise,
    schedule: NoiseSchedule,
    x_T: Latents,  # noqa: N803
    steps: int = 50,
    *,
    spacing: str = "trailing",
    eta: float = 0.0,
    key: jax.Array | None = None,
) -> Latents:
    """A sample from pure noise `x_T` in `steps` network evaluations; `eta` > 0 needs a key."""
    grid = timestep_grid(steps, spacing, schedule.num_timesteps)
    noise = None if eta == 0.0 else jax.random.normal(key, (steps, *x_T.shape), x_T.dtype)
    path = sampling_path(grid, schedule.num_timesteps)
    return ddim_path(predict_noise, schedule, x_T, path, eta=eta, noise=noise)[0]


def ddim_invert(
    predict_noise: PredictNoise,
    schedule: NoiseSchedule,
    x_0: Latents,
    steps: int = 50,
    *,
    spacing: str = "trailing",
) -> Latents:
    """The noise from which `ddim_sample` returns (nearly) `x_0`, in `steps` evaluations."""
    grid = timestep_grid(steps, spacing, schedule.num_timesteps)
    path = inversion_path(grid, schedule.num_timesteps)
    return ddim_path(predict_noise, schedule, x_0, path, evaluate_at="destination")[0]


def timestep_grid(steps: int, spacing: str, num_timesteps: int = 1000) -> np.ndarray:
    """The timesteps of one of `GRIDS` by its name."""
    if spacing not in GRIDS:
        named = ", ".join(map(repr, GRIDS))
        raise UserError(f"spacing is {spacing!r}, expected one of {named}.")
    if not 1 <= steps <= num_timesteps:
        raise UserError(f"steps is {steps}, expected a whole number from 1 to {num_timesteps}.")
    return GRIDS[spacing](steps, num_timesteps)
