"""ASD: asynchronous score distillation (ScaleDreamer, Ma et al., arXiv 2407.02040)."""

from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Int

from sdjax.config.errors import UserError
from sdjax.config.fields import fields_of, flag, number
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import (
    GUIDED_BRANCHES,
    AskedBranches,
    Predictor,
    Scale,
    guided,
)
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Ramp, value_at
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, Rule
from sdjax.rules.kind import GUIDANCE_SCALE, Parts, RuleKind, plainly
from sdjax.rules.noise import NoiseFunction, gaussian
from sdjax.rules.noised import Look, noised_rule
from sdjax.rules.overshoot import proportional
from sdjax.rules.weighting import WEIGHTING, Weighting, one_minus_alpha_cumprod

ANNEALING = {"name": "uniform"}


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    noisy: Latents  # x_t
    noisier: Latents  # x at t_plus, with the same noise
    epsilon: Latents  # the guided prediction at x_t
    shifted_epsilon: Latents  # the conditional prediction at t_plus


def asd_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    t_plus: Int[Array, ""],
    noise: Latents,
    *,
    guidance_scale: Scale,
    perp_neg_scale: Scale = 1.0,
    weighting: Weighting = one_minus_alpha_cumprod,
) -> Residual:
    """g = w(t) (epsilon(x_t, t) - epsilon_cond(x_(t_plus), t_plus)), t_plus >= t.

    Both latents carry the same noise.  The conditional prediction at a noisier timestep stands
    for the score of the renderings, which VSD learns: it comes nearer to the noise.  At t_plus =
    T, without any signal, it is the noise, and g is SDS's; at t_plus = t, g is (s - 1) times
    CSD's, epsilon_cond - epsilon_uncond.  Perp-Neg's weights are multiplied by `perp_neg_scale`
    (minus `guidance_perp_neg` of the official code).  Both predictions are one evaluation.
    """
    noisy, noisier = (add_noise(schedule, latents, noise, step) for step in (t, t_plus))
    found, shifted = predictor.branches_together(
        AskedBranches(noisy, t, GUIDED_BRANCHES), AskedBranches(noisier, t_plus, ("cond",))
    )
    weights = tuple(perp_neg_scale * weight for weight in found.negative_weights)
    epsilon = guided(found._replace(negative_weights=weights), guidance_scale)
    gradient = weighting(schedule, t) * (epsilon - shifted.cond)
    return Residual(gradient, noisy, noisier, epsilon, shifted.cond)


def asd(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float | Ramp = 7.5,
    annealing: Annealing | None = None,
    shift_ratio: float = 0.1,
    shift_from: float | Ramp = 0.02,
    random_shift: bool = True,
    perp_neg_scale: float = 1.0,
    weighting: Weighting = one_minus_alpha_cumprod,
    noise: NoiseFunction | None = None,
) -> Rule:
    """ASD: `asd_residual` at an annealed timestep, with fresh noise at every step.

    t_plus = t + u `shift_ratio` (t - T `shift_from`) as `proportional` cuts it off, u uniform in
    [0, 1), or 1 without `random_shift`.  `shift_from` is the annealing's t_min.  One network
    evaluation an update.  The official setting is guidance scale 7.5, t uniform between
    `ramp(0.5, 0.02)` and `ramp(0.98, 0.5)`, and 0.5 for `perp_neg_scale`.  The state is the noise
    function's.
    """
    noise = gaussian() if noise is None else noise

    def look(key, predictor, latents, t, drawn, *, progress, view):
        u = jax.random.uniform(key) if random_shift else 1.0
        shift = proportional(value_at(shift_from, progress), shift_ratio)
        residual = asd_residual(
            schedule,
            predictor,
            latents,
            t,
            shift(t, u, schedule.num_timesteps),
            drawn,
            guidance_scale=value_at(guidance_scale, progress),
            perp_neg_scale=perp_neg_scale,
            weighting=weighting,
        )
        x_0 = predicted_x0(schedule, residual.noisy, residual.epsilon, t)
        return Look(residual.gradient, residual.noisy, x_0)

    return noised_rule(annealing or from_table(ANNEALING), noise, look)


def _make(parts: Parts, **fields: Any) -> Rule:
    return plainly(asd)(parts, shift_from=parts.t_min, **fields)


def _check(config: Any) -> None:
    if "t_min" not in config["annealing"]:
        raise UserError(
            f"config.annealing.name is '{config['annealing']['name']}', expected one with a t_min "
            "where config.rule.name is 'asd': its second timestep is measured from it."
        )


RULE = RuleKind(
    "asd",
    "ASD",
    _make,
    fields_of(
        asd,
        guidance_scale=GUIDANCE_SCALE,
        weighting=WEIGHTING,
        shift_ratio=number(at_least=0).says("of t - t_min, by which the second timestep is higher"),
        random_shift=flag().says("a uniform part of that, drawn at each step"),
        perp_neg_scale=number().says("factor of Perp-Neg's weights"),
    ),
    ANNEALING,
    noise="gaussian",
    check=_check,
)
