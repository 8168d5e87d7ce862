"""SDI: score distillation via inversion (Lukoianov et al., arXiv 2405.15891)."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera, front_camera
from sdjax.config.fields import fields_of, flag, fraction, number, one_of, whole
from sdjax.config.kinds import Table
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Aux, Latents, Rule, Update, check_kept, check_latents
from sdjax.rules.inversion import inversion_timesteps, invert
from sdjax.rules.kind import GUIDANCE_SCALE, Parts, RuleKind, of_scenes

ANNEALING = {"name": "linear"}
Prepare = Callable[[Any, Callable[[Camera], Predictor]], Any]


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    noisy: Latents  # the inverted latents
    epsilon: Latents  # the guided prediction there, at timestep t
    target: Latents  # the clean latents that it points to
    found_noise: Latents  # the noise that the inversion found


def one_step_estimate(
    schedule: NoiseSchedule,
    predictor: Predictor,
    noisy: Latents,
    t: Int[Array, ""],
    guidance_scale: float,
) -> tuple[Latents, Latents]:
    """The guided prediction at `noisy` and the clean latents that it points to."""
    epsilon = predictor(noisy, t, guidance_scale)
    return epsilon, predicted_x0(schedule, noisy, epsilon, t)


def sdi_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    last: Int[Array, ""],
    step_noise: Float[Array, "_ views h w c"] | None,
    *,
    guidance_scale: float,
    inversion_guidance_scale: float,
    inversion_steps: int = 10,
    inversion_eta: float = 0.0,
    spacing: str = "leading",
) -> Residual:
    """g = x - x_0 with x_0 the one-step estimate from the latents inverted to timestep `last`.

    x_0 = (x_inv - sigma_t epsilon(x_inv, t)) / alpha_t.  The official code inverts a little
    beyond t (`last` = t + delta) and predicts as if at t; `last` = t is the paper's equation.
    """
    path = inversion_timesteps(t, last, inversion_steps, spacing, schedule.num_timesteps)
    noisy = invert(
        schedule,
        predictor,
        latents,
        path,
        step_noise,
        guidance_scale=inversion_guidance_scale,
        eta=inversion_eta,
    )
    epsilon, target = one_step_estimate(schedule, predictor, noisy, t, guidance_scale)
    found = (noisy - schedule.alpha(last) * latents) / schedule.sigma(last)
    return Residual(latents - target, noisy, epsilon, target, found)


class Kept(NamedTuple):
    """The state of `sdi` where it keeps something from one step to the next; of one view, or of
    those that a prior predicts at once."""

    epsilon: Latents  # the last guided prediction, of the last target
    target: Latents  # the clean latents that it points to
    t: Int[Array, ""]  # its timestep
    step: Int[Array, ""]  # updates so far


def kept_noise_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    kept_epsilon: Latents,
    *,
    guidance_scale: float,
) -> Residual:
    """g = x - x_0 with x_0 the one-step estimate from x noised by the prediction before.

    x_t = alpha_t x + sigma_t epsilon' with epsilon' the guided prediction of the last target, kappa
    of the paper's algorithm.  Where x is that target, x_t is DDIM's step from there, so that plain
    steps of 1 are DDIM.
    """
    noisy = add_noise(schedule, latents, kept_epsilon, t)
    epsilon, target = one_step_estimate(schedule, predictor, noisy, t, guidance_scale)
    return Residual(latents - target, noisy, epsilon, target, kept_epsilon)


def sdi(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float = 7.5,
    annealing: Annealing | None = None,
    noise: str = "inverted",
    target_every: int = 1,
    inversion_guidance_scale: float = -7.5,
    inversion_steps: int = 10,
    inversion_eta: float = 0.3,
    overshoot: bool = True,
    camera: Camera | None = None,
    views_together: int = 1,
) -> Rule:
    """SDI: towards the one-step estimate at an annealed timestep.

    `noise` "inverted" finds the noise of every target by DDIM inversion (`sdi_residual`), in at
    most `inversion_steps` + 2 network evaluations; "cached" keeps the last guided prediction
    (`kept_noise_residual`), one evaluation.  Each is a mode of the authors' 2D notebook; the former
    is what they have in 3D.  The kept noise begins with the prediction at T - 1 of the seed's
    normal draw, as seen by `camera` [1], by default the front.

    With `target_every` steps between two targets the latents are led to one for so long (25 in the
    notebook); it and the kept noise are for one image, or one scene of the `views_together` views
    that a prior predicts at once: from the cameras [views_together], or the even turns of one.

    With `overshoot`, the inversion ends at min(t + floor(u T / steps), T - 1) with u uniform, as
    the official code has it; else at t.
    """
    annealing = annealing or from_table(ANNEALING)
    fresh = functools.partial(_fresh, views_together)
    if noise == "cached":
        keep = functools.partial(kept_noise_residual, schedule, guidance_scale=guidance_scale)
        look = lambda keys, epsilon, *where: keep(*where, epsilon)  # noqa: E731
        cameras = _scene(camera or front_camera(), views_together)
        prepare = _first_prediction(schedule, guidance_scale, cameras)
        return Rule(fresh, _towards_targets(schedule, annealing, look, target_every), prepare)

    def look(keys, epsilon, predictor, latents, t):
        u_key, noise_key = keys
        u = jax.random.uniform(u_key) if overshoot else 0.0
        stride, highest = schedule.num_timesteps // inversion_steps, schedule.num_timesteps - 1
        shape = (inversion_steps + 1, *latents.shape)
        return sdi_residual(
            schedule,
            predictor,
            latents,
            t,
            jnp.minimum(t + jnp.int32(u * stride), highest),
            jax.random.normal(noise_key, shape) if inversion_eta else None,
            guidance_scale=guidance_scale,
            inversion_guidance_scale=inversion_guidance_scale,
            inversion_steps=inversion_steps,
            inversion_eta=inversion_eta,
        )

    if target_every > 1:
        return Rule(fresh, _towards_targets(schedule, annealing, look, target_every))

    def update(key, latents, state, predictor, *, progress, view):
        check_latents(latents, view)
        t_key, *keys = jax.random.split(key, 3)
        t = annealing(t_key, progress)
        seen = look(keys, None, predictor, latents, t)
        return Update(seen.gradient, state, Aux(t, seen.noisy, seen.target))

    return Rule(lambda key, shape: (), update)


def _scene(camera: Camera, views: int) -> Camera:
    """`camera` where it has so many views, else its turns around the object."""
    if len(camera.azimuth) == views:
        return camera
    first = jax.tree.map(lambda leaf: jnp.repeat(leaf[:1], views, axis=0), camera)
    return first._replace(azimuth=first.azimuth + 360.0 / views * jnp.arange(views))


def _fresh(views: int, key: jax.Array, shape: tuple[int, int, int]) -> Kept:
    """Before the first target: a normal draw in place of a prediction."""
    draw = jax.random.normal(key, (views, *shape))
    return Kept(draw, jnp.zeros_like(draw), jnp.int32(0), jnp.int32(0))


def _first_prediction(schedule: NoiseSchedule, guidance_scale: float, camera: Camera) -> Prepare:
    """Takes the draw for x_t at t = T - 1, and keeps the guided prediction there."""

    def prepare(state, predictor_at):
        predictor, last = predictor_at(camera), schedule.num_timesteps - 1
        first = predictor(state.epsilon, last, guidance_scale)
        return state._replace(epsilon=jnp.where(state.step == 0, first, state.epsilon))

    return prepare


def _towards_targets(
    schedule: NoiseSchedule,
    annealing: Annealing,
    look: Callable[..., Residual],
    target_every: int,
) -> Callable[..., Update]:
    """Every so many steps a new target, `look(keys, epsilon, predictor, latents, t)`."""

    def update(key, latents, state, predictor, *, progress, view):
        check_latents(latents, view)
        check_kept("SDI", latents, state.epsilon)
        t_key, *keys = jax.random.split(key, 3)
        t = annealing(t_key, progress)

        def renewed():
            seen = look(keys, state.epsilon, predictor, latents, t)
            return Kept(seen.epsilon, seen.target, t, state.step + 1)

        def held():
            return state._replace(step=state.step + 1)

        is_due = state.step % target_every == 0
        after = renewed() if target_every == 1 else jax.lax.cond(is_due, renewed, held)
        noisy = add_noise(schedule, after.target, after.epsilon, after.t)
        return Update(latents - after.target, after, Aux(after.t, noisy, after.target))

    return update


NOISES = ("inverted", "cached")


def _make(parts: Parts, **fields: Any) -> Rule:
    return of_scenes(sdi)(parts, camera=parts.camera, **fields)


def _keeps(table: Table) -> str | None:
    if table["noise"] == "cached":
        return "config.rule.noise is 'cached', which keeps that of one image"
    if table["target_every"] > 1:
        every = table["target_every"]
        return f"config.rule.target_every is {every}, which keeps the target of one image"
    return None


RULE = RuleKind(
    "sdi",
    "SDI",
    _make,
    fields_of(
        sdi,
        guidance_scale=number().says(GUIDANCE_SCALE.meaning),
        noise=one_of(*NOISES).says("found by DDIM inversion, or the last prediction kept"),
        target_every=whole(at_least=1).says("steps towards one target"),
        inversion_guidance_scale=number().says("the guidance scale of the inversion"),
        inversion_steps=whole(at_least=1, at_most=1000).says("of the inversion up to T"),
        inversion_eta=fraction().says("noise that a step of the inversion adds, 0: none"),
        overshoot=flag().says("invert to up to a stride beyond t, as the official code does"),
    ),
    ANNEALING,
    noise="none",
    scales=("guidance_scale", "inversion_guidance_scale"),
    one_image_because=_keeps,
)
