"""NFSD: noise-free score distillation (Katzir et al., arXiv 2310.17590)."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Int

from sdjax.config.fields import fields_of, fraction
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import Predictions, Predictor, Scale, guided
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Ramp, value_at
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, Rule
from sdjax.rules.kind import GUIDANCE_SCALE, RuleKind, plainly
from sdjax.rules.noise import NoiseFunction, gaussian
from sdjax.rules.noised import Look, noised_rule
from sdjax.rules.weighting import WEIGHTING, Weighting, one_minus_alpha_cumprod

ANNEALING = {"name": "uniform"}

NEGATIVE_PROMPT = (  # the paper's
    "unrealistic, blurry, low quality, out of focus, ugly, low contrast, dull, dark, "
    "low-resolution, gloomy"
)


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    noisy: Latents  # x_t
    epsilon: Latents  # guided from the empty prompt to the prompt: null + s delta_C
    predictions: Predictions


def nfsd_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    noise: Latents,
    *,
    guidance_scale: Scale,
    noise_free_below: float = 0.2,
    weighting: Weighting = one_minus_alpha_cumprod,
) -> Residual:
    """g = w(t) (delta_D + s delta_C), without the noise that SDS distils.

    delta_C = epsilon_cond - epsilon_null points to the prompt.  delta_D points to the domain of
    images: it is epsilon_null below t = `noise_free_below` T (200 of 1000), where the noise in it
    is small, and epsilon_null - epsilon_negative from there on, with a negative prompt that
    describes bad images, the branch `uncond`.  So g = w(t) (epsilon - epsilon_negative), at low t
    without the second term, for epsilon guided between the empty prompt and the prompt.

    FSD's authors leave the distinction out: `noise_free_below` 0 (arXiv 2405.10988, equation 18).
    Perp-Neg's negatives, where there are any, take part in the guidance.
    """
    noisy = add_noise(schedule, latents, noise, t)
    found = predictor.predict_branches(noisy, t)
    epsilon = guided(found._replace(uncond=found.null), guidance_scale)
    noise_free = t < noise_free_below * schedule.num_timesteps
    gradient = epsilon - jnp.where(noise_free, 0.0, found.uncond)
    return Residual(weighting(schedule, t) * gradient, noisy, epsilon, found)


def nfsd(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float | Ramp = 7.5,
    annealing: Annealing | None = None,
    noise_free_below: float = 0.2,
    weighting: Weighting = one_minus_alpha_cumprod,
    noise: NoiseFunction | None = None,
) -> Rule:
    """NFSD: `nfsd_residual` at an annealed timestep, with fresh noise at every step.

    One network evaluation an update.  The paper's setting is guidance scale 7.5, t uniform in
    [0.02, 0.98] and `NEGATIVE_PROMPT` as the negative prompt; without a negative prompt
    `uncond` is the empty one, delta_D vanishes and the rule is CSD times 7.5.  The state is the
    noise function's.
    """
    noise = gaussian() if noise is None else noise

    def look(key, predictor, latents, t, drawn, *, progress, view):
        residual = nfsd_residual(
            schedule,
            predictor,
            latents,
            t,
            drawn,
            guidance_scale=value_at(guidance_scale, progress),
            noise_free_below=noise_free_below,
            weighting=weighting,
        )
        x_0 = predicted_x0(schedule, residual.noisy, residual.epsilon, t)
        return Look(residual.gradient, residual.noisy, x_0)

    return noised_rule(annealing or from_table(ANNEALING), noise, look)


RULE = RuleKind(
    "nfsd",
    "NFSD",
    plainly(nfsd),
    fields_of(
        nfsd,
        guidance_scale=GUIDANCE_SCALE,
        weighting=WEIGHTING,
        noise_free_below=fraction().says("of T: below, the negative prompt is not asked"),
    ),
    ANNEALING,
    noise="gaussian",
    needs_unconditional=True,
)
