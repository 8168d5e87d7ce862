"""DSD: diverse score distillation (Xu et al., arXiv 2412.06780).

Each particle owns one ODE of the prior, the one that starts at its noise eps*, and every
rendering is led along it.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from sdjax.config.errors import UserError
from sdjax.config.fields import fields_of, flag, fraction, number, one_of
from sdjax.config.kinds import Table
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import Asked, Predictor
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Ramp, needed
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Aux, Latents, Rule, Update, check_latents, image_target
from sdjax.rules.kind import GUIDANCE_SCALE, IMAGE_WEIGHT, Parts, RuleKind, plainly
from sdjax.rules.ode import Ode, Point, simulated_ode
from sdjax.rules.ode_fields import ODE_FIELDS, made_ode
from sdjax.rules.overshoot import Overshoot, constant, proportional
from sdjax.rules.weighting import WEIGHTING, Weighting, alpha_over_sigma, one_minus_alpha_cumprod

ANNEALING = {"name": "sqrt", "t_min": 0.32}


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    x_delta: Latents  # the rendering, noised to t_delta with the ODE's noise
    x_t: Latents  # the same at t
    epsilon_delta: Latents  # the guided prediction at x_delta
    epsilon_t: Latents  # the guided prediction at x_t


def dsd_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    t_delta: Int[Array, ""],
    ode_epsilon: Latents,
    *,
    guidance_scale: float,
    base_guidance_scale: float,
    weighting: Weighting = one_minus_alpha_cumprod,
) -> Residual:
    """g = w(t) (epsilon(x_t, t) - epsilon(x_delta, t_delta)) (equations 9 and 10).

    x_t and x_delta are the latents noised to t and t_delta with `ode_epsilon`, the prediction on
    the particle's ODE at t_delta > t (the interpolation approximation).  The first term is guided
    with `guidance_scale`, the second with `base_guidance_scale`; both are one evaluation.
    """
    x_delta = add_noise(schedule, latents, ode_epsilon, t_delta)
    x_t = add_noise(schedule, latents, ode_epsilon, t)
    epsilon_delta, epsilon_t = predictor.together(
        Asked(x_delta, t_delta, base_guidance_scale), Asked(x_t, t, guidance_scale)
    )
    gradient = weighting(schedule, t) * (epsilon_t - epsilon_delta)
    return Residual(gradient, x_delta, x_t, epsilon_delta, epsilon_t)


def dsd(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float = 7.5,
    annealing: Annealing | None = None,
    ode: Ode | None = None,
    ode_guidance_scale: float = 7.5,
    base_guidance_scale: float = 1.0,
    overshoot: Overshoot | None = None,
    random_delta: bool = True,
    weighting: Weighting = one_minus_alpha_cumprod,
    interpolate: bool = True,
    image_weight: float | Ramp = 0.0,
    warm_up: float = 0.0,
) -> Rule:
    """DSD: `dsd_residual` at an annealed t, with the ODE's noise at t_delta.

    `overshoot` gives t_delta, `proportional()` by default, times a uniform draw as the official
    code has it (algorithm 3 has none: `random_delta` False).  One network evaluation an update
    besides the ODE's, of both predictions.  The paper's setting in 3D is 7.5 for the ODE and the
    first term and 1 for the second; with one scale in all three the particle follows its ODE most
    closely.  In 2D the paper (algorithm 2) descends by plain steps of N_ddim / N with
    `sigma_over_alpha` weighting, a `constant` overshoot and an ODE read at its nodes, which follows
    DDIM from the ODE's first one-step estimate; a difference of two predictions hardly resists what
    is off in both alike (colours, haze), and so remembers where the latents began.

    Without `interpolate` the two predictions are made at the ODE's own one-step estimate instead of
    the latents (equations 7 and 8), which nothing leads back where the latents cannot follow.

    Two additions of ours, both off by default:

    - for the first part `warm_up` of the run, a fraction, the gradient is
      w(t) alpha_t / sigma_t (latents - x_0), with the ODE's own one-step estimate x_0, so that the
      particle begins on its ODE;
    - with an `image_weight` the update has an image target: the one-step estimate at x_t with the
      weight `image_weight` w(t) alpha_t / sigma_t, as in `fsd`.
    """
    annealing = annealing or from_table(ANNEALING)
    overshoot = proportional() if overshoot is None else overshoot
    ode = simulated_ode(schedule, ode_guidance_scale) if ode is None else ode

    def update(key, latents, state, predictor, *, progress, view):
        check_latents(latents, view)
        t_key, u_key = jax.random.split(key)
        t = annealing(t_key, progress)
        u = jax.random.uniform(u_key) if random_delta else 1.0
        t_delta = overshoot(t, u, schedule.num_timesteps)
        ode_key = jax.random.fold_in(key, 2)
        point = ode.point_at(ode_key, state, predictor, t_delta, view, latents.shape)
        residual = dsd_residual(
            schedule,
            predictor,
            latents if interpolate else _estimate(schedule, point),
            t,
            t_delta,
            point.epsilon,
            guidance_scale=guidance_scale,
            base_guidance_scale=base_guidance_scale,
            weighting=weighting,
        )
        x_0 = predicted_x0(schedule, residual.x_t, residual.epsilon_t, t)
        weight = weighting(schedule, t) * alpha_over_sigma(schedule, t)
        target = image_target(x_0, image_weight, weight, progress)
        gradient = residual.gradient
        if warm_up:
            towards_ode = weight * (latents - _estimate(schedule, point))
            gradient = jnp.where(needed(progress) < warm_up, towards_ode, gradient)
        return Update(gradient, state, Aux(t, residual.x_t, x_0), target)

    return Rule(ode.init, update, ode.prepare)


def _estimate(schedule: NoiseSchedule, point: Point) -> Latents:
    """The ODE's own one-step estimate."""
    return predicted_x0(schedule, point.x, point.epsilon, point.t)


OVERSHOOTS = ("proportional", "constant")


def _make(parts: Parts, *, overshoot: str, delta: float, **fields: Any) -> Rule:
    of_ode = {name: fields.pop(name) for name in ODE_FIELDS}
    needs_states = fields["warm_up"] > 0.0 or not fields["interpolate"]
    return plainly(dsd)(
        parts,
        ode=made_ode(parts, fields["ode_guidance_scale"], needs_states, **of_ode),
        overshoot=constant(delta) if overshoot == "constant" else proportional(parts.t_min, delta),
        **fields,
    )


def _check(config: Any) -> None:
    rule, lowest = config["rule"], config["annealing"].get("t_min")
    if rule["overshoot"] == "proportional" and not isinstance(lowest, float):
        raise UserError(
            "config.rule.overshoot is 'proportional', expected 'constant' where the lowest "
            "timestep, config.annealing.t_min, is not a number."
        )
    if rule["ode"] in ("linear", "random") and (rule["warm_up"] or not rule["interpolate"]):
        name, value = ("warm_up", 0) if rule["warm_up"] else ("interpolate", True)
        raise UserError(
            f"config.rule.{name} is {rule[name]}, expected {value} where config.rule.ode is "
            f"'{rule['ode']}': there is no ODE whose estimate it could take."
        )


def _drifts(table: Table) -> str | None:
    if table["interpolate"]:
        return None
    return (
        "config.rule.interpolate is False: the gradient depends on the ODE alone (equations 7 and "
        "8 of DSD), and nothing leads an object back that cannot follow it in all views."
    )


RULE = RuleKind(
    "dsd",
    "DSD",
    _make,
    {
        **fields_of(
            dsd,
            guidance_scale=number().says(GUIDANCE_SCALE.meaning),
            base_guidance_scale=number().says("the same of the second term, at t_delta"),
            ode_guidance_scale=number().says("the same of the particle's ODE"),
            weighting=WEIGHTING,
        ),
        **ODE_FIELDS,
        "overshoot": one_of(*OVERSHOOTS).of("proportional", "t_delta - t: a part of t, or of T"),
        "delta": number(above=0, at_most=1).of(0.1, "that part"),
        **fields_of(
            dsd,
            random_delta=flag().says("times a uniform draw, where it is a part of t"),
            interpolate=flag().says("look at the latents; False: at the ODE's own estimate"),
            image_weight=IMAGE_WEIGHT,
            warm_up=fraction().says("of the run: the latents are led to the ODE's own estimate"),
        ),
    },
    ANNEALING,
    noise="none",
    scales=("guidance_scale", "base_guidance_scale", "ode_guidance_scale"),
    check=_check,
    warning_of_objects=_drifts,
)
