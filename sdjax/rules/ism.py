"""ISM: interval score matching (LucidDreamer, Liang et al., arXiv 2311.11284, section 3)."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.config.fields import fields_of, number, whole
from sdjax.diffusion.annealing import Annealing, Rounding, from_table
from sdjax.diffusion.ddim import ddim_path, ddim_step
from sdjax.diffusion.guided import Predictions, Predictor, guided
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Ramp, ramped, value_at
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, Rule
from sdjax.rules.kind import GUIDANCE_SCALE, RuleKind, plainly
from sdjax.rules.noise import NoiseFunction, gaussian
from sdjax.rules.noised import Look, noised_rule
from sdjax.rules.weighting import WEIGHTING, Weighting, sigma_over_alpha

ANNEALING = {"name": "uniform"}

FIRST = 1  # the lowest timestep of an inversion, as in the official table 1, 2, ...


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    start: Latents  # the latents noised to where the inversion starts
    x_s: Latents  # the inverted latents at s
    noisy: Latents  # the inverted latents at t
    target: Latents  # the prediction at x_s
    epsilon: Latents  # the guided prediction at x_t


def inversion_nodes(s: Int[Array, ""], stride: int, steps: int) -> Int[Array, "nodes"]:
    """The path int32 [steps + 1] of the inversion up to `s`: strides from max(s - steps stride, 1)
    on, cut off at `s`; steps between equal nodes are none."""
    start = jnp.maximum(s - stride * steps, FIRST)
    return jnp.minimum(start + stride * jnp.arange(steps + 1), s)


def inversion_prediction(
    predictor: Any, x: Float[Array, "views *shape"], t: Int[Array, ""], guidance_scale: float
) -> Float[Array, "views *shape"]:
    """null + guidance_scale (uncond - null), one evaluation; at scale 0 that of null alone.

    `predictor` is a `Predictor` or what its `subspace` returns.
    """
    if guidance_scale == 0.0:
        return predictor.predict_branches(x, t, ("null",)).null
    found = predictor.predict_branches(x, t, ("uncond", "null"))
    return guided(Predictions(found.uncond, found.null), guidance_scale)


def ism_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    interval: Int[Array, ""],
    noise: Latents,
    *,
    guidance_scale: float,
    inversion_guidance_scale: float = 0.0,
    inversion_stride: int = 200,
    inversion_steps: int = 5,
    weighting: Weighting = sigma_over_alpha,
) -> Residual:
    """g = w(t) (epsilon(x_t, t, y) - epsilon(x_s, s, null)), s = max(t - interval, 1).

    x_s is the rendering, noised with `noise` to the start of `inversion_nodes` and inverted from
    there to s by DDIM without a prompt; x_t is one more DDIM step.  The prediction at x_s is
    guided by `inversion_prediction`: scale 0 is the paper's, c > 1 the official
    `denoise_guidance_scale`.
    """
    s = jnp.maximum(t - interval, FIRST)
    nodes = inversion_nodes(s, inversion_stride, inversion_steps)
    start = add_noise(schedule, latents, noise, nodes[0])
    reduced, (x,), expand = predictor.subspace(start)
    predict = lambda x, t: inversion_prediction(reduced, x, t, inversion_guidance_scale)  # noqa: E731
    x_s, _, _ = ddim_path(predict, schedule, x, nodes)
    target = predict(x_s, s)
    noisy, x_s, target = map(expand, (ddim_step(schedule, x_s, target, s, t), x_s, target))
    epsilon = predictor(noisy, t, guidance_scale)
    gradient = weighting(schedule, t) * (epsilon - target)
    return Residual(gradient, start, x_s, noisy, target, epsilon)


def ism(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float = 7.5,
    annealing: Annealing | None = None,
    interval: float | Ramp = 100.0,
    interval_rounding: Rounding = jnp.floor,
    inversion_guidance_scale: float = 0.0,
    inversion_stride: int = 200,
    inversion_steps: int = 5,
    weighting: Weighting = sigma_over_alpha,
    noise: NoiseFunction | None = None,
) -> Rule:
    """ISM: `ism_residual` at an annealed timestep; at most `inversion_steps` + 2 network
    evaluations an update.

    `interval` is in timesteps and `ramp(100.0, 80.0, until=0.3)` officially, rounded up if
    Perp-Neg is used and down otherwise.  `noise` is `gaussian()` by default and
    `offset_gaussian(0.1)` in the official code.  The state is the noise function's.
    """
    noise = gaussian() if noise is None else noise

    def look(key, predictor, latents, t, drawn, *, progress, view):
        delta = interval_rounding(jnp.asarray(value_at(interval, progress)))
        residual = ism_residual(
            schedule,
            predictor,
            latents,
            t,
            delta.astype(jnp.int32),
            drawn,
            guidance_scale=guidance_scale,
            inversion_guidance_scale=inversion_guidance_scale,
            inversion_stride=inversion_stride,
            inversion_steps=inversion_steps,
            weighting=weighting,
        )
        x_0 = predicted_x0(schedule, residual.noisy, residual.epsilon, t)
        return Look(residual.gradient, residual.noisy, x_0)

    return noised_rule(annealing or from_table(ANNEALING), noise, look)


RULE = RuleKind(
    "ism",
    "ISM",
    plainly(ism),
    fields_of(
        ism,
        guidance_scale=number().says(GUIDANCE_SCALE.meaning),
        weighting=WEIGHTING,
        interval=ramped(number(at_least=1, at_most=999)).says("timesteps from s to t"),
        inversion_guidance_scale=number().says("of the inversion; 0 asks the empty prompt alone"),
        inversion_stride=whole(at_least=1, at_most=999).says("timesteps of one of its steps"),
        inversion_steps=whole(at_least=1, at_most=999).says("of its steps at most"),
    ),
    ANNEALING,
    noise="offset",
    needs_unconditional=True,
)
