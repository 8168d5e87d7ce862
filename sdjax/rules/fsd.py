"""FSD: flow score distillation (Yan et al., arXiv 2405.10988, equations 14 and 15)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.config.errors import UserError
from sdjax.config.fields import fields_of, flag, number
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import GUIDED_BRANCHES, Predictor, Scale
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Ramp, value_at
from sdjax.diffusion.rescaled_guidance import guided_prediction, rescaled_guidance
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, Rule, image_target
from sdjax.rules.kind import (
    GUIDANCE_SCALE,
    IMAGE_WEIGHT,
    RECON_STD_RESCALE,
    Parts,
    RuleKind,
    of_scenes,
)
from sdjax.rules.noise import NoiseFunction, fixed
from sdjax.rules.noised import Look, noised_rule
from sdjax.rules.weighting import (
    WEIGHTING,
    Weighting,
    alpha_over_sigma,
    one_minus_alpha_cumprod,
    sigma_over_alpha,
)

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
    recon_std_rescale: float = 0.0,
    views_together: int = 1,
) -> Residual:
    """g = w(t) (epsilon(x_t, t) - noise) with x_t = alpha_t x + sigma_t noise.

    With an `image_guidance_scale` the prediction is guided a second time, by that scale and from
    the same evaluation.  `recon_std_rescale` and `views_together` are those of `sds_residual`, for
    both.
    """
    noisy = add_noise(schedule, latents, noise, t)
    rescaling = {"recon_std_rescale": recon_std_rescale, "views_together": views_together}
    if image_guidance_scale is None:
        epsilon = image_epsilon = guided_prediction(
            schedule, predictor, noisy, t, guidance_scale, **rescaling
        )
    else:
        branches = predictor.predict_branches(noisy, t, GUIDED_BRANCHES)
        epsilon, image_epsilon = (
            rescaled_guidance(schedule, branches, noisy, t, scale, **rescaling)
            for scale in (guidance_scale, image_guidance_scale)
        )
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
    first_order_steps: int | None = None,
    recon_std_rescale: float = 0.0,
    views_together: int = 1,
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

    In a run of `first_order_steps` the weighting is that of the flow's own steps (equation 26),
    sigma_t / alpha_t - sigma_s / alpha_s with s the timestep of the next step, or clean data after
    the last one: plain steps of 1 with it are DDIM.
    """
    noise = fixed() if noise is None else noise
    annealing = annealing or from_table(ANNEALING)
    has_target = callable(image_weight) or image_weight != 0.0

    def look(key, predictor, latents, t, drawn, *, progress, view):
        step = None
        if first_order_steps is not None:
            step = first_order(annealing, key, progress, first_order_steps)
        residual = fsd_residual(
            schedule,
            predictor,
            latents,
            t,
            drawn,
            guidance_scale=value_at(guidance_scale, progress),
            image_guidance_scale=value_at(image_guidance_scale, progress) if has_target else None,
            weighting=weighting if step is None else step,
            recon_std_rescale=recon_std_rescale,
            views_together=views_together,
        )
        x_0 = predicted_x0(schedule, residual.noisy, residual.epsilon, t)
        image_x_0 = predicted_x0(schedule, residual.noisy, residual.image_epsilon, t)
        weight = weighting(schedule, t) * alpha_over_sigma(schedule, t)
        target = image_target(image_x_0, image_weight, weight, progress)
        return Look(residual.gradient, residual.noisy, x_0, target)

    return noised_rule(annealing, noise, look)


def first_order(
    annealing: Annealing, key: jax.Array, progress: Float[Array, ""], steps: int
) -> Weighting:
    """sigma_t / alpha_t - sigma_s / alpha_s, with s the timestep of the step after that at
    `progress` in a run of `steps`, or negative (clean data) after the last one."""
    after = (jnp.round(progress * steps) + 1.0) / steps  # as the next step computes it, to the bit
    following = jnp.where(after > 1.0 - 0.5 / steps, -1, annealing(key, after))

    def weighting(schedule, t):
        return sigma_over_alpha(schedule, t) - sigma_over_alpha(schedule, following)

    return weighting


IMAGE_SCALE = number().says("guidance scale of the image's target")
FIRST_ORDER = flag().of(
    False, "weights of the flow's own steps (equation 26), for plain steps of 1"
)


def of_a_flow(rule: Callable[..., Rule]) -> Callable[..., Rule]:
    """The `make` of a rule that may take the flow's own steps."""

    def make(parts: Parts, *, first_order: bool, **fields: Any) -> Rule:
        steps = parts.steps if first_order else None
        return of_scenes(rule)(parts, first_order_steps=steps, **fields)

    return make


def check_flow(config: Any) -> None:
    """Raises a UserError for steps of a flow along timesteps that do not fall."""
    if config["rule"]["first_order"] and config["annealing"]["name"] == "uniform":
        raise UserError(
            "config.rule.first_order is True, expected False where config.annealing.name is "
            "'uniform': a step of the flow goes from one timestep down to the next."
        )


RULE = RuleKind(
    "fsd",
    "FSD",
    of_a_flow(fsd),
    {
        **fields_of(
            fsd,
            guidance_scale=GUIDANCE_SCALE,
            weighting=WEIGHTING,
            image_weight=IMAGE_WEIGHT,
            image_guidance_scale=IMAGE_SCALE,
            recon_std_rescale=RECON_STD_RESCALE,
        ),
        "first_order": FIRST_ORDER,
    },
    ANNEALING,
    noise="fixed",
    scales=("guidance_scale", "image_guidance_scale"),
    check=check_flow,
)
