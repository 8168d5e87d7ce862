"""SDI: score distillation via inversion (Lukoianov et al., arXiv 2405.15891)."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera, front_camera
from sdjax.config.errors import UserError
from sdjax.config.fields import fields_of, flag, fraction, number, one_of, optional, whole
from sdjax.config.kinds import Table
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Aux, Latents, Rule, Update, check_latents
from sdjax.rules.inversion import inversion_timesteps, invert
from sdjax.rules.kept_noise import Kept as Kept
from sdjax.rules.kept_noise import kept, kept_of_bins, of_scene
from sdjax.rules.kind import GUIDANCE_SCALE, Parts, RuleKind, of_scenes
from sdjax.rules.view_bins import ViewBins

ANNEALING = {"name": "linear"}


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
    bins: ViewBins | None = None,
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
    With `bins` each of them keeps a noise of its own (`kept_of_bins`), which is for objects too,
    with a new target at every step; the paper has no such mode.

    With `overshoot`, the inversion ends at min(t + floor(u T / steps), T - 1) with u uniform, as
    the official code has it; else at t.
    """
    annealing = annealing or from_table(ANNEALING)
    if noise == "cached":
        keep = functools.partial(kept_noise_residual, schedule, guidance_scale=guidance_scale)
        look = lambda keys, epsilon, *where: keep(*where, epsilon)  # noqa: E731
        first = lambda predictor, x: predictor(x, schedule.num_timesteps - 1, guidance_scale)  # noqa: E731
        if bins is not None:
            return kept_of_bins(annealing, look, first, bins)
        cameras = of_scene(camera or front_camera(), views_together)
        return kept(schedule, annealing, look, target_every, views_together, first, cameras)

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
        return kept(schedule, annealing, look, target_every, views_together)

    def update(key, latents, state, predictor, *, progress, view):
        check_latents(latents, view)
        t_key, *keys = jax.random.split(key, 3)
        t = annealing(t_key, progress)
        seen = look(keys, None, predictor, latents, t)
        return Update(seen.gradient, state, Aux(t, seen.noisy, seen.target))

    return Rule(lambda key, shape: (), update)


NOISES = ("inverted", "cached")


def _make(parts: Parts, *, keep_bins: int | None, **fields: Any) -> Rule:
    bins = None if keep_bins is None else parts.prior.camera_bins(keep_bins, parts.elevation)
    return of_scenes(sdi)(parts, camera=parts.camera, bins=bins, **fields)


def _check(config: Any) -> None:
    rule = config["rule"]
    if rule["keep_bins"] is None:
        return
    for name, value in (("noise", "cached"), ("target_every", 1)):
        if rule[name] != value:
            raise UserError(
                f"config.rule.{name} is {rule[name]!r}, expected {value!r} where "
                f"config.rule.keep_bins is {rule['keep_bins']}: each bin keeps its last prediction."
            )
    resolutions = config["stages"]["resolution"]
    if config["prior"]["name"] == "embedded" and len(set(resolutions)) > 1:
        raise UserError(
            f"config.stages.resolution is {resolutions}, expected one resolution where "
            f"config.rule.keep_bins is {rule['keep_bins']}: predictions of one size are kept."
        )


def _keeps(table: Table) -> str | None:
    if table["keep_bins"] is not None:
        return None
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
    {
        **fields_of(
            sdi,
            guidance_scale=number().says(GUIDANCE_SCALE.meaning),
            noise=one_of(*NOISES).says("found by DDIM inversion, or the last prediction kept"),
            target_every=whole(at_least=1).says("steps towards one target"),
            inversion_guidance_scale=number().says("the guidance scale of the inversion"),
            inversion_steps=whole(at_least=1, at_most=1000).says("of the inversion up to T"),
            inversion_eta=fraction().says("noise that a step of the inversion adds, 0: none"),
            overshoot=flag().says("invert to up to a stride beyond t, as the official code does"),
        ),
        "keep_bins": optional(whole(at_least=1)).of(
            None, "view bins that each keep a noise of their own, for objects; None: one image"
        ),
    },
    ANNEALING,
    noise="none",
    scales=("guidance_scale", "inversion_guidance_scale"),
    check=_check,
    one_image_because=_keeps,
)
