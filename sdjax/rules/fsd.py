"""FSD: flow score distillation (Yan et al., arXiv 2405.10988, equations 14 and 15)."""

from typing import NamedTuple

from jaxtyping import Array, Int

from sdjax.config.fields import fields_of, number
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import GUIDED_BRANCHES, Predictor, Scale, guided
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Ramp, value_at
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, Rule, image_target
from sdjax.rules.kind import GUIDANCE_SCALE, IMAGE_WEIGHT, RuleKind, plainly
from sdjax.rules.noise import NoiseFunction, fixed
from sdjax.rules.noised import Look, noised_rule
from sdjax.rules.weighting import WEIGHTING, Weighting, alpha_over_sigma, one_minus_alpha_cumprod

ANNEALING = {"name": "sqrt", "t_min": 0.02}


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    noisy: Latents  # x_t
    epsilon: Latents  # the guided prediction at x_t
    image_epsilon: Latents  # the same at the image's own guidance scale


def fsd_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    noise: Latents,
    *,
    guidance_scale: Scale,
    image_guidance_scale: Scale | None = None,
    weighting: Weighting = one_minus_alpha_cumprod,
) -> Residual:
    """g = w(t) (epsilon(x_t, t) - noise) with x_t = alpha_t x + sigma_t noise.

    With an `image_guidance_scale` the prediction is guided a second time, by that scale and from
    the same evaluation.
    """
    noisy = add_noise(schedule, latents, noise, t)
    if image_guidance_scale is None:
        epsilon = image_epsilon = predictor(noisy, t, guidance_scale)
    else:
        branches = predictor.predict_branches(noisy, t, GUIDED_BRANCHES)
        epsilon = guided(branches, guidance_scale)
        image_epsilon = guided(branches, image_guidance_scale)
    return Residual(weighting(schedule, t) * (epsilon - noise), noisy, epsilon, image_epsilon)


def fsd(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float | Ramp = 7.5,
    annealing: Annealing | None = None,
    noise: NoiseFunction | None = None,
    weighting: Weighting = one_minus_alpha_cumprod,
    image_weight: float | Ramp = 0.0,
    image_guidance_scale: float | Ramp = 1.0,
) -> Rule:
    """`fsd_residual`: SDS's residual with determined noise and falling t.

    With x = (x_t - sigma_t noise) / alpha_t the DDIM ODE reads
    dx = (epsilon(x_t, t) - noise) d(sigma_t / alpha_t) (proposition 1), so that each fixed noise
    leads to a sample of its own.  `noise` is `fixed()` by default, as in 2D; 3D takes
    `world_map()`.  One network evaluation an update.  The state is the noise function's.

    With an `image_weight` the update has an image target too: the one-step estimate at
    `image_guidance_scale`, from the same evaluation, with the weight `image_weight` w(t)
    alpha_t / sigma_t, which is HiFA's.  Its scale is 1, as large ones make unrealistic pictures
    (appendix D.1).
    """
    noise = fixed() if noise is None else noise
    has_target = callable(image_weight) or image_weight != 0.0

    def look(key, predictor, latents, t, drawn, *, progress, view):
        residual = fsd_residual(
            schedule,
            predictor,
            latents,
            t,
            drawn,
            guidance_scale=value_at(guidance_scale, progress),
            image_guidance_scale=value_at(image_guidance_scale, progress) if has_target else None,
            weighting=weighting,
        )
        x_0 = predicted_x0(schedule, residual.noisy, residual.epsilon, t)
        image_x_0 = predicted_x0(schedule, residual.noisy, residual.image_epsilon, t)
        weight = weighting(schedule, t) * alpha_over_sigma(schedule, t)
        target = image_target(image_x_0, image_weight, weight, progress)
        return Look(residual.gradient, residual.noisy, x_0, target)

    return noised_rule(annealing or from_table(ANNEALING), noise, look)


RULE = RuleKind(
    "fsd",
    "FSD",
    plainly(fsd),
    fields_of(
        fsd,
        guidance_scale=GUIDANCE_SCALE,
        weighting=WEIGHTING,
        image_weight=IMAGE_WEIGHT,
        image_guidance_scale=number().says("guidance scale of the image's target"),
    ),
    ANNEALING,
    noise="fixed",
    scales=("guidance_scale", "image_guidance_scale"),
)
