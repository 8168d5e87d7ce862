"""DDIM inversion in pieces of static length: how SDI finds the noise of a picture."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.diffusion.ddim import ddim_step, timestep_grid
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents


def inversion_timesteps(
    t: Int[Array, ""], last: Int[Array, ""], steps: int, spacing: str, num_timesteps: int
) -> Int[Array, "nodes"]:
    """The path of the inversion: one stride below the grid (clean), the grid below `t`, `last`.

    Its length is static: the entries of the grid that are not below `t` become `last`, and a
    step from `last` to `last` is none.
    """
    grid = jnp.asarray(timestep_grid(steps, spacing, num_timesteps))
    below = grid[0] - num_timesteps // steps if spacing == "leading" else -1
    path = jnp.concatenate([jnp.full(1, below, jnp.int32), grid, jnp.full(1, last)])
    return jnp.where(path < t, path, last)


def invert(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    path: Int[Array, "nodes"],
    step_noise: Float[Array, "_ views h w c"] | None,
    *,
    guidance_scale: float,
    eta: float,
) -> Latents:
    """Follow `path` upwards from clean latents by DDIM steps that ask the network where they start.

    Each step adds eta sqrt(V) noise, V = (1 - abar) / (1 - abar') (1 - abar' / abar), from abar
    to abar' = alphas_cumprod, on top of the deterministic step.
    """
    noises = () if eta == 0.0 else tuple(step_noise)
    latents = latents.astype(jnp.result_type(latents, schedule.alphas_cumprod))
    predictor, (x, *noises), expand = predictor.subspace(latents, *noises)

    def move(x, t, t_next, noise):
        x_next = ddim_step(schedule, x, predictor(x, t, guidance_scale), t, t_next)
        if noise is None:
            return x_next
        abar, abar_next = schedule.alpha_cumprod(t), schedule.alpha_cumprod(t_next)
        variance = (1.0 - abar) / (1.0 - abar_next) * (1.0 - abar_next / abar)
        return x_next + eta * jnp.sqrt(variance) * noise

    def body(x, step):
        t, t_next, noise = step
        return jax.lax.cond(t == t_next, lambda x, *_: x, move, x, t, t_next, noise), None

    noises = jnp.stack(noises) if noises else None
    return expand(jax.lax.scan(body, x, (path[:-1], path[1:], noises))[0])
