"""Consistent3D: consistency distillation sampling (Wu et al., arXiv 2401.09050)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from sdjax.config.fields import fields_of, fraction, optional, whole
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import Predictor, Scale, guided
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Ramp, needed, value_at
from sdjax.diffusion.rescaled_guidance import rescale_std
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Aux, Latents, Rule, Update, check_latents
from sdjax.rules.kind import GUIDANCE_SCALE, RuleKind, plainly
from sdjax.rules.noise import NoiseFunction, fixed
from sdjax.rules.weighting import WEIGHTING, Weighting, constant, sigma_over_alpha

ANNEALING = {"name": "sqrt", "t_max": 0.7, "t_min": 0.1}


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    noisy: Latents  # x_t, the rendering noised to t
    noisy_next: Latents  # one ODE step further, at t_next
    epsilon: Latents  # the guided prediction at x_t
    epsilon_rescaled: Latents  # the same after the rescaling of the clean estimate
    epsilon_next: Latents  # the guided prediction at noisy_next


def consistent3d_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    t_next: Int[Array, ""],
    noise: Latents,
    *,
    guidance_scale: Scale,
    std_rescale: float = 0.0,
    weighting: Weighting = constant,
) -> Residual:
    """g = w(t) (epsilon(x_t, t) - epsilon(x_next, t_next)), t_next < t, two evaluations.

    x_t is the rendering noised with the particle's `noise`, x_next one Euler step of the ODE
    further: with sigma = `sigma_over_alpha` and z = x / alpha, z_next = z_t + (sigma_next -
    sigma_t) e.  The step's direction e is epsilon(x_t, t), but that of the rescaled clean estimate
    where `std_rescale` > 0 (`rescale_std` towards the estimate without guidance); then
    g = w(t) (sigma_t / sigma_next (epsilon(x_t, t) - e) + e - epsilon(x_next, t_next)).
    """
    sigma, sigma_next = sigma_over_alpha(schedule, t), sigma_over_alpha(schedule, t_next)
    noisy = add_noise(schedule, latents, noise, t)
    z_t = latents + sigma * noise
    if std_rescale > 0.0:
        branches = predictor.predict_branches(noisy, t, ("cond", "uncond", "negatives"))
        epsilon = guided(branches, guidance_scale)
        plain = z_t - sigma * branches.cond
        direction = (z_t - rescale_std(z_t - sigma * epsilon, plain, std_rescale)) / sigma
    else:
        epsilon = direction = predictor(noisy, t, guidance_scale)
    noisy_next = schedule.alpha(t_next) * (z_t + (sigma_next - sigma) * direction)
    epsilon_next = predictor(noisy_next, t_next, guidance_scale)
    # 1e-9 as in the official code: sigma_next may be 0 on a schedule that ends at clean data
    gradient = sigma / (sigma_next + 1e-9) * (epsilon - direction) + direction - epsilon_next
    gradient = weighting(schedule, t) * gradient
    return Residual(gradient, noisy, noisy_next, epsilon, direction, epsilon_next)


def consistent3d(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float | Ramp = 51.0,
    annealing: Annealing | None = None,
    gap: int = 100,
    spread: int = 200,
    t_min: float = 0.1,
    t_max: float = 0.98,
    noise: NoiseFunction | None = None,
    std_rescale: float = 0.0,
    weighting: Weighting = constant,
    late_weighting: Weighting | None = None,
) -> Rule:
    """Consistent3D: `consistent3d_residual` from t to an annealed t_next; two network evaluations
    an update.

    t_next is the annealing's timestep, t = t_next + gap + a uniform draw from {0, ..., spread -
    1}; both are kept within the fractions `t_min` and `t_max`, t_next `gap` below.  `noise` is
    `fixed()` by default: one noise for the whole run, as in the paper.  `late_weighting` takes
    the place of `weighting` from half of the run on (the official "mix").  The official coarse
    stage: t_next from 700 to 100 by the square root, guidance scale from 101 to 51 in our
    convention, the gradient `rescaled` by `clip(ramp(2.0, 8.0))`.  The state is the noise
    function's.
    """
    noise = fixed() if noise is None else noise
    annealing = annealing or from_table(ANNEALING)
    low, high = (int(schedule.num_timesteps * bound) for bound in (t_min, t_max))

    def weight(progress):
        if late_weighting is None:
            return weighting
        return lambda schedule, t: jnp.where(
            needed(progress) < 0.5, weighting(schedule, t), late_weighting(schedule, t)
        )

    def update(key, latents, state, predictor, *, progress, view):
        check_latents(latents, view)
        t_key, gap_key, noise_key = jax.random.split(key, 3)
        t_next = jnp.clip(annealing(t_key, progress), low, high - gap)
        t = jnp.clip(t_next + jax.random.randint(gap_key, (), gap, gap + spread), low, high)
        drawn, state = noise.draw(noise_key, state, view, latents.shape, progress)
        residual = consistent3d_residual(
            schedule,
            predictor,
            latents,
            t,
            t_next,
            drawn,
            guidance_scale=value_at(guidance_scale, progress),
            std_rescale=std_rescale,
            weighting=weight(progress),
        )
        x_0 = predicted_x0(schedule, residual.noisy, residual.epsilon, t)
        return Update(residual.gradient, state, Aux(t, residual.noisy, x_0))

    return Rule(noise.init, update)


RULE = RuleKind(
    "consistent3d",
    "Consistent3D",
    plainly(consistent3d),
    fields_of(
        consistent3d,
        guidance_scale=GUIDANCE_SCALE,
        weighting=WEIGHTING,
        late_weighting=optional(WEIGHTING).says("w(t) of the run's second half; None: the same"),
        gap=whole(at_least=1, at_most=999).says("timesteps from t_next to t at least"),
        spread=whole(at_least=1, at_most=999).says("timesteps of a uniform draw on top of it"),
        std_rescale=fraction().says("of the clean estimate's deviation to that without guidance"),
    ),
    ANNEALING,
    noise="fixed",
)
