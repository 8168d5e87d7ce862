"""SDI: score distillation via inversion (Lukoianov et al., arXiv 2405.15891)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera, front_camera
from sdjax.config.errors import UserError
from sdjax.config.fields import fields_of, flag, fraction, number, one_of, whole
from sdjax.config.kinds import Table
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.ddim import ddim_step, timestep_grid
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Aux, Latents, Rule, Update, check_latents
from sdjax.rules.kind import GUIDANCE_SCALE, Parts, RuleKind, plainly

ANNEALING = {"name": "linear"}


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    noisy: Latents  # the inverted latents
    epsilon: Latents  # the guided prediction there, at timestep t
    target: Latents  # the clean latents that it points to
    found_noise: Latents  # the noise that the inversion found


def inversion_timesteps(
    t: Int[Array, ""], last: Int[Array, ""], steps: int, spacing: str, num_timesteps: int
) -> Int[Array, "nodes"]:
    """The path of the inversion: one stride below the grid (clean), the grid below `t`, `last`.

    Its length is static: the entries of the grid that are not below `t` become `last`, and a
    step from `last` to `last` is none.
    """
    grid = jnp.asarray(timestep_grid(steps, spacing, num_timesteps))
    below = grid[0] - num_timesteps // steps if spacing == "leading" else -1
    path = jnp.concatenate([jnp.full(1, below, jnp.int32), grid, jnp.full(1, last)])
    return jnp.where(path < t, path, last)


def invert(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    path: Int[Array, "nodes"],
    step_noise: Float[Array, "_ views h w c"] | None,
    *,
    guidance_scale: float,
    eta: float,
) -> Latents:
    """Follow `path` upwards from clean latents by DDIM steps that ask the network where they start.

    Each step adds eta sqrt(V) noise, V = (1 - abar) / (1 - abar') (1 - abar' / abar), from abar
    to abar' = alphas_cumprod, on top of the deterministic step.
    """
    noises = () if eta == 0.0 else tuple(step_noise)
    latents = latents.astype(jnp.result_type(latents, schedule.alphas_cumprod))
    predictor, (x, *noises), expand = predictor.subspace(latents, *noises)

    def move(x, t, t_next, noise):
        x_next = ddim_step(schedule, x, predictor(x, t, guidance_scale), t, t_next)
        if noise is None:
            return x_next
        abar, abar_next = schedule.alpha_cumprod(t), schedule.alpha_cumprod(t_next)
        variance = (1.0 - abar) / (1.0 - abar_next) * (1.0 - abar_next / abar)
        return x_next + eta * jnp.sqrt(variance) * noise

    def body(x, step):
        t, t_next, noise = step
        return jax.lax.cond(t == t_next, lambda x, *_: x, move, x, t, t_next, noise), None

    noises = jnp.stack(noises) if noises else None
    return expand(jax.lax.scan(body, x, (path[:-1], path[1:], noises))[0])


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
    """The state of `sdi` where it keeps something from one step to the next; of one view."""

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
) -> Rule:
    """SDI: towards the one-step estimate at an annealed timestep.

    `noise` "inverted" finds the noise of every target by DDIM inversion (`sdi_residual`), in at
    most `inversion_steps` + 2 network evaluations; "cached" keeps the last guided prediction
    (`kept_noise_residual`), one evaluation.  Each is a mode of the authors' 2D notebook; the former
    is what they have in 3D.  The kept noise begins with the prediction at T - 1 of the seed's
    normal draw, as seen by `camera` [1], by default the front.

    With `target_every` steps between two targets the latents are led to one for so long (25 in the
    notebook); it and the kept noise are for one image.

    With `overshoot`, the inversion ends at min(t + floor(u T / steps), T - 1) with u uniform, as
    the official code has it; else at t.
    """
    annealing = annealing or from_table(ANNEALING)
    stride = schedule.num_timesteps // inversion_steps

    def inverted(keys, latents, t, predictor):
        u_key, noise_key = keys
        u = jax.random.uniform(u_key) if overshoot else 0.0
        last = jnp.minimum(t + jnp.int32(u * stride), schedule.num_timesteps - 1)
        shape = (inversion_steps + 1, *latents.shape)
        step_noise = jax.random.normal(noise_key, shape) if inversion_eta else None
        return sdi_residual(
            schedule,
            predictor,
            latents,
            t,
            last,
            step_noise,
            guidance_scale=guidance_scale,
            inversion_guidance_scale=inversion_guidance_scale,
            inversion_steps=inversion_steps,
            inversion_eta=inversion_eta,
        )

    def look(keys, latents, t, epsilon, predictor):
        if noise == "inverted":
            return inverted(keys, latents, t, predictor)
        scale = {"guidance_scale": guidance_scale}
        return kept_noise_residual(schedule, predictor, latents, t, epsilon, **scale)

    def update(key, latents, state, predictor, *, progress, view):
        check_latents(latents, view)
        t_key, *keys = jax.random.split(key, 3)
        t = annealing(t_key, progress)
        if noise == "inverted" and target_every == 1:
            seen = look(keys, latents, t, None, predictor)
            return Update(seen.gradient, state, Aux(t, seen.noisy, seen.target))
        _check_one_image(latents, state.epsilon)

        def renewed():
            seen = look(keys, latents, t, state.epsilon, predictor)
            return Kept(seen.epsilon, seen.target, t, state.step + 1)

        def held():
            return state._replace(step=state.step + 1)

        is_due = state.step % target_every == 0
        state = renewed() if target_every == 1 else jax.lax.cond(is_due, renewed, held)
        noisy = add_noise(schedule, state.target, state.epsilon, state.t)
        return Update(latents - state.target, state, Aux(state.t, noisy, state.target))

    def init(key, shape):
        if noise == "inverted" and target_every == 1:
            return ()
        draw = jax.random.normal(key, (1, *shape))
        return Kept(draw, jnp.zeros_like(draw), jnp.int32(0), jnp.int32(0))

    def prepare(state, predictor_at):
        if noise == "inverted":
            return state
        predictor, last = predictor_at(camera or front_camera()), schedule.num_timesteps - 1
        first = predictor(state.epsilon, last, guidance_scale)
        return state._replace(epsilon=jnp.where(state.step == 0, first, state.epsilon))

    return Rule(init, update, prepare)


def _check_one_image(latents: jax.Array, epsilon: jax.Array) -> None:
    if latents.shape != epsilon.shape:
        raise UserError(
            f"SDI was given latents of shape {latents.shape}, expected those of one view at the "
            f"resolution of the noise that it keeps, {epsilon.shape}."
        )


NOISES = ("inverted", "cached")


def _make(parts: Parts, **fields: Any) -> Rule:
    return plainly(sdi)(parts, camera=parts.camera, **fields)


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
