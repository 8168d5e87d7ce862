"""SDI: score distillation via inversion (Lukoianov et al., arXiv 2405.15891)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.config.fields import fields_of, flag, fraction, number, whole
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.ddim import ddim_step, timestep_grid
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.prediction import predicted_x0
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Aux, Latents, Rule, Update, check_latents
from sdjax.rules.kind import GUIDANCE_SCALE, RuleKind, plainly

ANNEALING = {"name": "linear"}


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    noisy: Latents  # the inverted latents
    epsilon: Latents  # the guided prediction there, at timestep t
    target: Latents  # the clean latents that it points to
    found_noise: Latents  # the noise that the inversion found


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


def one_step_estimate(
    schedule: NoiseSchedule,
    predictor: Predictor,
    noisy: Latents,
    t: Int[Array, ""],
    guidance_scale: float,
) -> tuple[Latents, Latents]:
    """The guided prediction at `noisy` and the clean latents that it points to."""
    epsilon = predictor(noisy, t, guidance_scale)
    return epsilon, predicted_x0(schedule, noisy, epsilon, t)


def sdi_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    last: Int[Array, ""],
    step_noise: Float[Array, "_ views h w c"] | None,
    *,
    guidance_scale: float,
    inversion_guidance_scale: float,
    inversion_steps: int = 10,
    inversion_eta: float = 0.0,
    spacing: str = "leading",
) -> Residual:
    """g = x - x_0 with x_0 the one-step estimate from the latents inverted to timestep `last`.

    x_0 = (x_inv - sigma_t epsilon(x_inv, t)) / alpha_t.  The official code inverts a little
    beyond t (`last` = t + delta) and predicts as if at t; `last` = t is the paper's equation.
    """
    path = inversion_timesteps(t, last, inversion_steps, spacing, schedule.num_timesteps)
    noisy = invert(
        schedule,
        predictor,
        latents,
        path,
        step_noise,
        guidance_scale=inversion_guidance_scale,
        eta=inversion_eta,
    )
    epsilon, target = one_step_estimate(schedule, predictor, noisy, t, guidance_scale)
    found = (noisy - schedule.alpha(last) * latents) / schedule.sigma(last)
    return Residual(latents - target, noisy, epsilon, target, found)


def sdi(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float = 7.5,
    annealing: Annealing | None = None,
    inversion_guidance_scale: float = -7.5,
    inversion_steps: int = 10,
    inversion_eta: float = 0.3,
    overshoot: bool = True,
) -> Rule:
    """SDI: `sdi_residual` at an annealed timestep; stateless.

    With `overshoot`, `last` = min(t + floor(u T / steps), T - 1) with u uniform, as the official
    code has it; else `last` = t.  At most `inversion_steps` + 2 network evaluations an update.
    """
    annealing = annealing or from_table(ANNEALING)
    stride = schedule.num_timesteps // inversion_steps

    def update(key, latents, state, predictor, *, progress, view):
        check_latents(latents, view)
        t_key, u_key, noise_key = jax.random.split(key, 3)
        t = annealing(t_key, progress)
        u = jax.random.uniform(u_key) if overshoot else 0.0
        last = jnp.minimum(t + jnp.int32(u * stride), schedule.num_timesteps - 1)
        shape = (inversion_steps + 1, *latents.shape)
        step_noise = jax.random.normal(noise_key, shape) if inversion_eta else None
        residual = sdi_residual(
            schedule,
            predictor,
            latents,
            t,
            last,
            step_noise,
            guidance_scale=guidance_scale,
            inversion_guidance_scale=inversion_guidance_scale,
            inversion_steps=inversion_steps,
            inversion_eta=inversion_eta,
        )
        return Update(residual.gradient, state, Aux(t, residual.noisy, residual.target))

    return Rule(lambda key, shape: (), update)


RULE = RuleKind(
    "sdi",
    "SDI",
    plainly(sdi),
    fields_of(
        sdi,
        guidance_scale=number().says(GUIDANCE_SCALE.meaning),
        inversion_guidance_scale=number().says("the same of the inversion"),
        inversion_steps=whole(at_least=1, at_most=1000).says("of the inversion up to T"),
        inversion_eta=fraction().says("noise that a step of the inversion adds, 0: none"),
        overshoot=flag().says("invert to up to a stride beyond t, as the official code does"),
    ),
    ANNEALING,
    noise="none",
    scales=("guidance_scale", "inversion_guidance_scale"),
)
