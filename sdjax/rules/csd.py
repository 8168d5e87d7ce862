"""CSD: classifier score distillation (Yu et al., arXiv 2310.19415)."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Int

from sdjax.config.fields import fields_of, number
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import (
    BranchName,
    Predictions,
    Predictor,
    Scale,
    perp_neg_direction,
)
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Ramp, ramped, value_at
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, Rule
from sdjax.rules.kind import Parts, RuleKind, plainly
from sdjax.rules.noise import NoiseFunction, gaussian
from sdjax.rules.noised import Look, noised_rule
from sdjax.rules.weighting import WEIGHTING, Weighting, one_minus_alpha_cumprod

ANNEALING = {"name": "uniform"}


class Scales(NamedTuple):
    """The factor of each term of `csd_residual`; the defaults are the classifier score alone.

    A term whose factor is the number 0.0 is not evaluated.  Given to `csd`, factors may be ramps:
    with a negative prompt the official code takes `uncond` from 0 to -1 and `null` from -1 to 0
    in the first 5000 steps, with 3 for `perp_neg`; in refinement, `uncond` from -1 to -0.5 and
    `null` from 0 to -0.5 over 10000 steps.
    """

    cond: float | Ramp | Scale = 1.0
    uncond: float | Ramp | Scale = 0.0  # of the negative prompt
    null: float | Ramp | Scale = -1.0  # of the empty prompt
    noise: float | Ramp | Scale = 0.0
    perp_neg: float | Ramp | Scale = 0.0


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    noisy: Latents  # x_t
    predictions: Predictions  # of the branches with a factor
    perp_neg: Latents | None  # the sum over negatives


def csd_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    noise: Latents,
    *,
    scales: Scales = Scales(),  # noqa: B008
    weighting: Weighting = one_minus_alpha_cumprod,
) -> Residual:
    """g = w(t) (k_c epsilon_cond + k_u epsilon_uncond + k_0 epsilon_null + k_n noise + k_p p).

    `scales` holds the k; p is Perp-Neg's sum w_i perpendicular(negative_i - uncond, cond -
    uncond).  (1, 0, -1, 0, 0) is the classifier score, epsilon_cond - epsilon_null, and
    (s, 1 - s, 0, -1, 0) is SDS with guidance scale s.
    """
    noisy = add_noise(schedule, latents, noise, t)
    found = predictor.predict_branches(noisy, t, needed_branches(scales))
    perp_neg = perp_neg_direction(found) if is_present(scales.perp_neg) else None
    terms = (found.cond, found.uncond, found.null, noise, perp_neg)
    total = jnp.zeros_like(noisy)
    for scale, term in zip(scales, terms, strict=True):
        if is_present(scale):
            total = total + scale * term
    return Residual(weighting(schedule, t) * total, noisy, found, perp_neg)


def is_present(scale: float | Scale) -> bool:
    """Whether a factor is anything but the number 0.0; one known only while running is."""
    return not (isinstance(scale, (int, float)) and scale == 0.0)


def needed_branches(scales: Scales) -> tuple[BranchName, ...]:
    """The branches that the factors ask for; Perp-Neg needs three."""
    names: list[BranchName] = []
    if is_present(scales.perp_neg):
        names += ["cond", "uncond", "negatives"]
    for name in ("cond", "uncond", "null"):
        if is_present(getattr(scales, name)) and name not in names:
            names.append(name)
    return tuple(names)


def csd(
    schedule: NoiseSchedule,
    *,
    annealing: Annealing | None = None,
    scales: Scales = Scales(),  # noqa: B008
    weighting: Weighting = one_minus_alpha_cumprod,
    noise: NoiseFunction | None = None,
) -> Rule:
    """CSD: `csd_residual` at an annealed timestep, with fresh noise at every step.

    One network evaluation an update, and no guidance scale: the official setting is t uniform in
    [0.02, 0.98], or [0.02, 0.5] to refine.  There it may be followed by
    `rescaled(rule, clip(0.05), normalise())`.  The state is the noise function's.
    """
    noise = gaussian() if noise is None else noise

    def look(key, predictor, latents, t, drawn, *, progress, view):
        residual = csd_residual(
            schedule,
            predictor,
            latents,
            t,
            drawn,
            scales=Scales(*(value_at(scale, progress) for scale in scales)),
            weighting=weighting,
        )
        x_0 = predicted_x0(schedule, residual.noisy, shown(residual), t)
        return Look(residual.gradient, residual.noisy, x_0)

    return noised_rule(annealing or from_table(ANNEALING), noise, look)


def shown(residual: Residual) -> Latents:
    """The prediction that a log shows: the conditional one, or the first that there is."""
    found = residual.predictions
    return next(p for p in (found.cond, found.uncond, found.null) if p is not None)


_FACTORS = {
    "cond": "of the prediction with the prompt",
    "uncond": "of the prediction with the negative prompt",
    "null": "of the prediction with the empty prompt",
    "noise": "of the noise; -1 subtracts it as SDS does",
    "perp_neg": "of Perp-Neg's direction",
}
_SCALES = {
    f"{term}_scale": ramped(number()).of(getattr(Scales(), term), f"factor {meaning}")
    for term, meaning in _FACTORS.items()
}


def _make(parts: Parts, weighting: Weighting, **scales: Any) -> Rule:
    return plainly(csd)(
        parts, scales=Scales(*(scales[name] for name in _SCALES)), weighting=weighting
    )


RULE = RuleKind(
    "csd",
    "CSD",
    _make,
    {**_SCALES, **fields_of(csd, weighting=WEIGHTING)},
    ANNEALING,
    noise="gaussian",
    scales=(),
    needs_unconditional=True,
)
