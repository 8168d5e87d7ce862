"""HiFA: residuals in latent and in image space (Zhu et al., arXiv 2305.18766)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.config.fields import fields_of, fraction, whole
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.ddim import ddim_path
from sdjax.diffusion.guided import Predictor, Scale
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Ramp, value_at
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, Rule, image_target
from sdjax.rules.kind import GUIDANCE_SCALE, IMAGE_WEIGHT, RuleKind, plainly
from sdjax.rules.noise import NoiseFunction, gaussian
from sdjax.rules.noised import Look, noised_rule
from sdjax.rules.weighting import WEIGHTING, Weighting, alpha_times_sigma

ANNEALING = {"name": "sqrt"}


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    noisy: Latents  # x_t
    estimate: Latents  # the clean latents that x_t is denoised to


def denoising_nodes(t: Int[Array, ""], steps: int, num_timesteps: int) -> Int[Array, "nodes"]:
    """t, t - R, ... down to the last that is not negative, then -1, with the stride R = T // steps.

    The length is static, T // R + 1 or more; steps from -1 to -1 are none.
    """
    stride = num_timesteps // steps
    count = (num_timesteps - 1) // stride + 2
    return jnp.maximum(t - stride * jnp.arange(count), -1)


def denoised(
    schedule: NoiseSchedule,
    predictor: Predictor,
    noisy: Latents,
    t: Int[Array, ""],
    step_noise: Float[Array, "_ views h w c"] | None,
    *,
    guidance_scale: Scale,
    steps: int,
    eta: float,
) -> Latents:
    """The clean latents that `noisy` at t leads to: in one step, or along `denoising_nodes`.

    Several steps end at the schedule's level below timestep 0, and take noise with `eta`, one
    entry of `step_noise` for each.
    """
    if steps == 1:
        return predicted_x0(schedule, noisy, predictor(noisy, t, guidance_scale), t)
    noises = () if step_noise is None else tuple(step_noise)
    reduced, (x, *noises), expand = predictor.subspace(noisy, *noises)
    predict = lambda x, t: reduced(x, t, guidance_scale)  # noqa: E731
    nodes = denoising_nodes(t, steps, schedule.num_timesteps)
    noise = jnp.stack(noises) if noises else None
    return expand(ddim_path(predict, schedule, x, nodes, eta=eta, noise=noise)[0])


def hifa_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    noise: Latents,
    step_noise: Float[Array, "_ views h w c"] | None = None,
    *,
    guidance_scale: Scale,
    denoising_steps: int = 1,
    eta: float = 0.0,
    weighting: Weighting = alpha_times_sigma,
) -> Residual:
    """g = w(t) (x - x_0), with x_0 the latents that x_t = alpha_t x + sigma_t noise is denoised to.

    With one step, g is SDS's for the weight w sigma / alpha on noises: the default is SDS's
    1 - abar, as threestudio has it.
    """
    noisy = add_noise(schedule, latents, noise, t)
    estimate = denoised(
        schedule,
        predictor,
        noisy,
        t,
        step_noise,
        guidance_scale=guidance_scale,
        steps=denoising_steps,
        eta=eta,
    )
    return Residual(weighting(schedule, t) * (latents - estimate), noisy, estimate)


def hifa(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float | Ramp = 100.0,
    annealing: Annealing | None = None,
    denoising_steps: int = 1,
    eta: float = 0.0,
    image_weight: float | Ramp = 0.0,
    weighting: Weighting = alpha_times_sigma,
    noise: NoiseFunction | None = None,
) -> Rule:
    """HiFA: `hifa_residual` at an annealed timestep, with fresh noise at every step.

    With an `image_weight` the update has an image target, x_0 with the weight `image_weight`
    w(t) (equation 7).  `annealing.sqrt(0.98, 0.3)` is HiFA's (equation 8).  threestudio's recipe
    is guidance scale 100 and an image weight of 0.01; HiFA's own code has the weight
    `scaled(constant, 0.05)`, an image weight of 0.1, and eta 1 where it takes several steps.  One
    network evaluation an update for each denoising step that is taken.  The state is the noise
    function's.
    """
    noise = gaussian() if noise is None else noise

    def look(key, predictor, latents, t, drawn, *, progress, view):
        random_steps = denoising_steps > 1 and eta > 0.0
        residual = hifa_residual(
            schedule,
            predictor,
            latents,
            t,
            drawn,
            draw_steps(key, schedule, denoising_steps, latents) if random_steps else None,
            guidance_scale=value_at(guidance_scale, progress),
            denoising_steps=denoising_steps,
            eta=eta,
            weighting=weighting,
        )
        weight = weighting(schedule, t)
        target = image_target(residual.estimate, image_weight, weight, progress)
        return Look(residual.gradient, residual.noisy, residual.estimate, target)

    return noised_rule(annealing or from_table(ANNEALING), noise, look)


def draw_steps(
    key: jax.Array, schedule: NoiseSchedule, steps: int, latents: Latents
) -> Float[Array, "_ views h w c"]:
    """The noise of every step of `denoising_nodes`."""
    nodes = denoising_nodes(jnp.asarray(0), steps, schedule.num_timesteps)
    return jax.random.normal(key, (len(nodes) - 1, *latents.shape))


RULE = RuleKind(
    "hifa",
    "HiFA",
    plainly(hifa),
    fields_of(
        hifa,
        guidance_scale=GUIDANCE_SCALE,
        weighting=WEIGHTING,
        denoising_steps=whole(at_least=1, at_most=1000).says("of DDIM; 1: one-step estimate"),
        eta=fraction().says("noise of several denoising steps, 0 is DDIM and 1 DDPM"),
        image_weight=IMAGE_WEIGHT,
    ),
    ANNEALING,
    noise="gaussian",
)
