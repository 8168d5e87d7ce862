"""What happens in the course of one run: the noisy x_t, its one-step estimate, the clean variable.

FSD (Yan et al., arXiv 2405.10988, appendix F, figures 16 to 18) and DSD (Xu et al.,
arXiv 2412.06780, figure 2) explain score distillation by these three.  Along a DDIM trajectory
from x_T = noise the clean variable is (x_t - sigma_t noise) / alpha_t; of a rule it is what is
being optimised.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.analysis.rules import of_one_particle
from sdjax.diffusion.ddim import ddim_path, sampling_path, timestep_grid
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.prediction import predicted_x0
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.priors.prior import Prior
from sdjax.rules.contract import Rule, Update
from sdjax.runs.particle import Recipe, first_particle
from sdjax.runs.several_steps import Span
from sdjax.runs.step import train_particle

Latents = Float[Array, "moments h w c"]
Moments = Int[np.ndarray, "moments"]  # steps, ascending


class Trajectory(NamedTuple):
    """One run at some moments."""

    t: Int[Array, "moments"]
    noisy: Latents  # x_t
    predicted_x0: Latents  # the prior's one-step estimate at x_t
    clean: Latents


def evenly(steps: int, count: int) -> Moments:
    """`count` of the steps 0..steps - 1 (at most all), evenly, with the first and the last."""
    return np.round(np.linspace(0, steps - 1, min(count, steps))).astype(np.int32)


def ddim_trajectory(
    predictor: Predictor,
    schedule: NoiseSchedule,
    noise: Float[Array, "h w c"],
    moments: Moments,
    *,
    guidance_scale: float = 1.0,
    steps: int = 50,
    spacing: str = "trailing",
) -> Trajectory:
    """DDIM's run from x_T = `noise`, before the steps `moments` of its `steps`.

    noisy = x_t; predicted_x0 = (x_t - sigma_t epsilon(x_t, t)) / alpha_t; clean =
    (x_t - sigma_t noise) / alpha_t, which is nearly 0 at first (FSD, equations 11, 27 and 28).
    `predictor` sees one view.
    """
    grid = timestep_grid(steps, spacing, schedule.num_timesteps)
    path = sampling_path(grid, schedule.num_timesteps)
    start = jnp.expand_dims(noise, 0)
    predict = lambda x, t: predictor(x, t, guidance_scale)  # noqa: E731
    _, states, epsilons = ddim_path(predict, schedule, start, path)
    t, x, epsilon = jnp.asarray(path[moments]), states[moments, 0], epsilons[moments, 0]
    estimate = predicted_x0(schedule, x, epsilon, t)
    return Trajectory(t, x, estimate, predicted_x0(schedule, x, start, t))


def rule_trajectory(
    recipe: Recipe, prior: Prior, conditioning: Any, seed: Int[Array, ""], moments: Moments
) -> Trajectory:
    """The training run of one seed at the steps `moments`; `clean` are the latents being led.

    The recipe is one of latents or images, with one view a step; nothing about the run changes.
    """

    def make_rule(prior):
        return recorded(of_one_particle(recipe.make_rule(prior)), recipe.total_steps, moments)

    watched = recipe.replace(make_rule=make_rule)
    particle = first_particle(watched, prior, conditioning, seed)
    first, last = jnp.int32(0), recipe.total_steps
    particle, _ = train_particle(watched, last, prior, conditioning, Span(first), seed, particle)
    return particle.rule_state.seen


class Recorded(NamedTuple):
    """The state of `recorded`."""

    state: Any
    seen: Trajectory


def recorded(rule: Rule, steps: int, moments: Moments) -> Rule:
    """The same rule, whose state also holds what it saw at `moments` of a run of `steps`."""

    def init(key, shape):
        blank = jnp.zeros((len(moments), *shape))
        t = jnp.zeros(len(moments), jnp.int32)
        return Recorded(rule.init(key, shape), Trajectory(t, blank, blank, blank))

    def prepare(recorded, predictor_at):
        return recorded._replace(state=rule.prepare(recorded.state, predictor_at))

    def update(key, latents, recorded, predictor, *, progress, view) -> Update:
        update = rule.update(key, latents, recorded.state, predictor, progress=progress, view=view)
        step = jnp.round(progress * steps).astype(jnp.int32)
        slot = jnp.searchsorted(jnp.asarray(moments), step)  # later steps overwrite it
        now = Trajectory(update.aux.t, update.aux.noisy[0], update.aux.predicted_x0[0], latents[0])
        seen = jax.tree.map(lambda all, one: all.at[slot].set(one), recorded.seen, now)
        return update._replace(state=Recorded(update.state, seen))

    return Rule(init, update, prepare)


def misalignment(trajectory: Trajectory) -> Float[Array, "moments"]:
    """Root mean square of clean - predicted_x0: what FSD's equation 12 drives to zero."""
    difference = trajectory.clean - trajectory.predicted_x0
    return jnp.sqrt(jnp.mean(difference**2, axis=(1, 2, 3)))
