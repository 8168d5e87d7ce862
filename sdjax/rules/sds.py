"""SDS: score distillation sampling (DreamFusion, Poole et al., arXiv 2209.14988, equation 3)."""

from typing import NamedTuple

from jaxtyping import Array, Int

from sdjax.config.fields import fields_of
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import Predictor, Scale
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Ramp, value_at
from sdjax.diffusion.rescaled_guidance import guided_prediction
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, Rule
from sdjax.rules.kind import GUIDANCE_SCALE, RECON_STD_RESCALE, RuleKind, of_scenes
from sdjax.rules.noise import NoiseFunction, gaussian
from sdjax.rules.noised import Look, noised_rule
from sdjax.rules.weighting import WEIGHTING, Weighting, one_minus_alpha_cumprod

ANNEALING = {"name": "uniform"}


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    noisy: Latents  # x_t
    epsilon: Latents  # the guided prediction at x_t


def sds_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    noise: Latents,
    *,
    guidance_scale: Scale,
    weighting: Weighting = one_minus_alpha_cumprod,
    recon_std_rescale: float = 0.0,
    views_together: int = 1,
) -> Residual:
    """g = w(t) (epsilon(x_t, t) - noise) with x_t = alpha_t x + sigma_t noise.

    With a `recon_std_rescale` r, epsilon is that of `rescaled_guidance`: with the weighting
    `sigma_over_alpha`, g = x - X' with X' = r f X + (1 - r) X, X the clean estimate and f the
    quotient of its deviation without guidance and with it, over the `views_together` views of a
    scene.  So MVDream has it (arXiv 2308.16512), whose loss divides by the number of views.
    """
    noisy = add_noise(schedule, latents, noise, t)
    rescaling = {"recon_std_rescale": recon_std_rescale, "views_together": views_together}
    epsilon = guided_prediction(schedule, predictor, noisy, t, guidance_scale, **rescaling)
    return Residual(weighting(schedule, t) * (epsilon - noise), noisy, epsilon)


def sds(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float | Ramp = 100.0,
    annealing: Annealing | None = None,
    weighting: Weighting = one_minus_alpha_cumprod,
    noise: NoiseFunction | None = None,
    recon_std_rescale: float = 0.0,
    views_together: int = 1,
) -> Rule:
    """SDS: `sds_residual` at an annealed timestep, with fresh noise at every step.

    One network evaluation an update.  DreamFusion's setting is guidance scale 100 and t uniform
    in [0.02, 0.98]; score debiasing is `rescaled(sds(...), clip(ramp(0.5, 2.0)))`.  MVDream's is
    guidance scale 50, the weighting `sigma_over_alpha` and 0.5 for `recon_std_rescale`, and t
    uniform between `ramp(0.98, 0.02, 0.8)` and `ramp(0.98, 0.5, 0.8)`.  The state is the noise
    function's.
    """
    noise = gaussian() if noise is None else noise

    def look(key, predictor, latents, t, drawn, *, progress, view):
        gradient, noisy, epsilon = sds_residual(
            schedule,
            predictor,
            latents,
            t,
            drawn,
            guidance_scale=value_at(guidance_scale, progress),
            weighting=weighting,
            recon_std_rescale=recon_std_rescale,
            views_together=views_together,
        )
        return Look(gradient, noisy, predicted_x0(schedule, noisy, epsilon, t))

    return noised_rule(annealing or from_table(ANNEALING), noise, look)


RULE = RuleKind(
    "sds",
    "SDS",
    of_scenes(sds),
    fields_of(
        sds,
        guidance_scale=GUIDANCE_SCALE,
        weighting=WEIGHTING,
        recon_std_rescale=RECON_STD_RESCALE,
    ),
    ANNEALING,
    noise="gaussian",
)
