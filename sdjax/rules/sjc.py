"""SJC: score Jacobian chaining (Wang et al., arXiv 2212.00774)."""

from typing import NamedTuple

from jaxtyping import Array, Int

from sdjax.config.fields import fields_of, flag
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import Predictor, Scale
from sdjax.diffusion.ramps import Ramp, value_at
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, Rule
from sdjax.rules.kind import GUIDANCE_SCALE, RuleKind, plainly
from sdjax.rules.noise import NoiseFunction, gaussian
from sdjax.rules.noised import Look, noised_rule
from sdjax.rules.weighting import WEIGHTING, Weighting, constant

ANNEALING = {"name": "uniform", "t_max": 0.97, "t_min": 0.01}


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    perturbed: Latents  # x + s noise
    noisy: Latents  # what the network sees: perturbed / sqrt(1 + s^2) = x_t
    epsilon: Latents  # the guided prediction at x_t
    denoised: Latents  # D = perturbed - s epsilon


def sjc_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    noise: Latents,
    *,
    guidance_scale: Scale,
    variance_reduction: bool = True,
    weighting: Weighting = constant,
) -> Residual:
    """g = w(t) (x - D(x + s noise)) / s with D the denoiser and s = sigma_t / alpha_t.

    This is the perturb-and-average score (equation 7), times -s: the official code divides by s
    where the score has s^2, and uses no other weight; `alpha_over_sigma` gives minus the score.
    Without `variance_reduction` x + s noise takes the place of x, which adds noise of zero mean
    to g.
    """
    s = schedule.sigma(t) / schedule.alpha(t)
    perturbed = latents + s * noise
    noisy = schedule.alpha(t) * perturbed
    epsilon = predictor(noisy, t, guidance_scale)
    # (x - D) / s without its cancellation
    gradient = weighting(schedule, t) * (epsilon - noise if variance_reduction else epsilon)
    return Residual(gradient, perturbed, noisy, epsilon, perturbed - s * epsilon)


def sjc(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float | Ramp = 100.0,
    annealing: Annealing | None = None,
    variance_reduction: bool = True,
    weighting: Weighting = constant,
    noise: NoiseFunction | None = None,
) -> Rule:
    """SJC: `sjc_residual` at an annealed timestep, with fresh noise at every step.

    One network evaluation an update.  The official code draws t uniformly from {10, ..., 969}.
    With SDS's weighting it is SDS.
    """
    noise = gaussian() if noise is None else noise

    def look(key, predictor, latents, t, drawn, *, progress, view):
        residual = sjc_residual(
            schedule,
            predictor,
            latents,
            t,
            drawn,
            guidance_scale=value_at(guidance_scale, progress),
            variance_reduction=variance_reduction,
            weighting=weighting,
        )
        return Look(residual.gradient, residual.noisy, residual.denoised)

    return noised_rule(annealing or from_table(ANNEALING), noise, look)


RULE = RuleKind(
    "sjc",
    "SJC",
    plainly(sjc),
    fields_of(
        sjc,
        guidance_scale=GUIDANCE_SCALE,
        weighting=WEIGHTING,
        variance_reduction=flag().says("subtract the noise, whose mean is 0, from the score"),
    ),
    ANNEALING,
    noise="gaussian",
)
