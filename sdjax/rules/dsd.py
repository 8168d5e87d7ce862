"""DSD: diverse score distillation (Xu et al., arXiv 2412.06780).

Each particle owns one ODE of the prior, the one that starts at its noise eps*, and every
rendering is led along it.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from sdjax.config.errors import UserError
from sdjax.config.fields import fields_of, fraction, number, one_of, optional, whole
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Ramp, needed
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.dtypes import DTYPE
from sdjax.rules.contract import Aux, Latents, Rule, Update, check_latents, image_target
from sdjax.rules.kind import GUIDANCE_SCALE, IMAGE_WEIGHT, Parts, RuleKind, plainly
from sdjax.rules.ode import Ode, cached_ode, exact_ode
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
    with `guidance_scale`, the second with `base_guidance_scale`.
    """
    x_delta = add_noise(schedule, latents, ode_epsilon, t_delta)
    x_t = add_noise(schedule, latents, ode_epsilon, t)
    epsilon_delta = predictor(x_delta, t_delta, base_guidance_scale)
    epsilon_t = predictor(x_t, t, guidance_scale)
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
    weighting: Weighting = one_minus_alpha_cumprod,
    image_weight: float | Ramp = 0.0,
    warm_up: float = 0.0,
) -> Rule:
    """DSD: `dsd_residual` at an annealed t, with the ODE's noise at t_delta.

    `overshoot` gives t_delta, `proportional()` by default.  Three network evaluations an update
    besides the ODE's.  The paper's setting in 3D is 7.5 for the ODE and the first term and 1 for
    the second; with one scale in all three the particle follows its ODE most closely.  In 2D the
    paper (algorithm 2) descends by plain steps of N_ddim / N with `sigma_over_alpha` weighting
    and a `constant` overshoot, which follows DDIM.

    Two additions of ours, both off by default, since a difference of two predictions hardly
    resists what is off in both alike (colours, haze) and so remembers where the latents began:

    - for the first part `warm_up` of the run, a fraction, the gradient is
      w(t) alpha_t / sigma_t (latents - x_0), with the ODE's own one-step estimate x_0 at t_delta,
      so that the particle begins on its ODE;
    - with an `image_weight` the update has an image target: the one-step estimate at x_t with the
      weight `image_weight` w(t) alpha_t / sigma_t, as in `fsd`.
    """
    annealing = annealing or from_table(ANNEALING)
    overshoot = proportional() if overshoot is None else overshoot
    ode = exact_ode(schedule, ode_guidance_scale) if ode is None else ode

    def update(key, latents, state, predictor, *, progress, view):
        check_latents(latents, view)
        t_key, u_key = jax.random.split(key)
        t, u = annealing(t_key, progress), jax.random.uniform(u_key)
        t_delta = overshoot(t, u, schedule.num_timesteps)
        x_ode = ode.state_at(state, predictor, t_delta, view, latents.shape)
        ode_epsilon = predictor(x_ode, t_delta, ode_guidance_scale)
        residual = dsd_residual(
            schedule,
            predictor,
            latents,
            t,
            t_delta,
            ode_epsilon,
            guidance_scale=guidance_scale,
            base_guidance_scale=base_guidance_scale,
            weighting=weighting,
        )
        x_0 = predicted_x0(schedule, residual.x_t, residual.epsilon_t, t)
        weight = weighting(schedule, t) * alpha_over_sigma(schedule, t)
        target = image_target(x_0, image_weight, weight, progress)
        gradient = residual.gradient
        if warm_up:
            ode_x_0 = predicted_x0(schedule, x_ode, ode_epsilon, t_delta)
            gradient = jnp.where(needed(progress) < warm_up, weight * (latents - ode_x_0), gradient)
        return Update(gradient, state, Aux(t, residual.x_t, x_0), target)

    return Rule(ode.init, update, ode.prepare)


ODES = ("exact", "cached")
OVERSHOOTS = ("proportional", "constant")


def _make(parts: Parts, *, ode: str, overshoot: str, delta: float, **fields: Any) -> Rule:
    settings = [fields.pop(name) for name in ("ode_steps", "ode_bins", "ode_dtype")]
    make_ode = _exact if ode == "exact" else _cached
    return plainly(dsd)(
        parts,
        ode=make_ode(parts, fields["ode_guidance_scale"], *settings),
        overshoot=constant(delta) if overshoot == "constant" else proportional(parts.t_min, delta),
        **fields,
    )


def _exact(parts: Parts, scale: float, steps: int, *_: Any) -> Ode:
    return exact_ode(parts.prior.schedule, scale, steps)


def _cached(parts: Parts, scale: float, steps: int, bins: int | None, dtype: Any) -> Ode:
    prior = parts.prior
    height, width, _ = prior.latent_shape(parts.resolution)
    return cached_ode(prior.schedule, scale, prior.view_bins(bins), height, width, steps, dtype)


def _check(config: Any) -> None:
    proportional_to = config["annealing"].get("t_min")
    if config["rule"]["overshoot"] == "proportional" and not isinstance(proportional_to, float):
        raise UserError(
            "config.rule.overshoot is 'proportional', expected 'constant' where the lowest "
            "timestep, config.annealing.t_min, is not a number."
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
        "ode": one_of(*ODES).of("exact", "simulated at each step, or looked up per view bin"),
        "ode_steps": whole(at_least=1, at_most=999).of(10, "DDIM steps of the ODE from T"),
        "ode_bins": optional(whole(at_least=1)).of(None, "view bins of the cached ODE; None: all"),
        "ode_dtype": DTYPE.of("float32", "in which the cached ODE is kept"),
        "overshoot": one_of(*OVERSHOOTS).of("proportional", "t_delta - t: a part of t, or of T"),
        "delta": number(above=0, at_most=1).of(0.1, "that part"),
        **fields_of(
            dsd,
            image_weight=IMAGE_WEIGHT,
            warm_up=fraction().says("of the run: the latents are led to the ODE's own estimate"),
        ),
    },
    ANNEALING,
    noise="none",
    scales=("guidance_scale", "base_guidance_scale", "ode_guidance_scale"),
    check=_check,
)
