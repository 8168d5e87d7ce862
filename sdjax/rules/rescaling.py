"""Clipping and rescaling a gradient: `rescaled` does it to any rule.

A rescaling maps `(gradient, progress)` to a gradient of the same shape.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.config.fields import flag, number, optional
from sdjax.config.kinds import Table, arguments
from sdjax.diffusion.ramps import Ramp, ramped, value_at
from sdjax.rules.contract import Latents, Rule

Rescaling = Callable[[Latents, Float[Array, ""]], Latents]


def scale(factor: float | Ramp) -> Rescaling:
    """factor g."""
    return lambda gradient, progress: value_at(factor, progress) * gradient


def clip(bound: float | Ramp) -> Rescaling:
    """Every entry clamped to [-bound, bound].

    A bound that grows, `ramp(0.5, 2.0)`, is the dynamic clip of score debiasing (Hong et al.,
    arXiv 2303.15413, section 4.1).
    """

    def rescaling(gradient, progress):
        limit = value_at(bound, progress)
        return jnp.clip(gradient, -limit, limit)

    return rescaling


def sign() -> Rescaling:
    """-1, 0 or 1: the gradient of an absolute instead of a squared difference, an option of CFD's
    code."""
    return lambda gradient, progress: jnp.sign(gradient)


def normalise(epsilon: float = 1e-8) -> Rescaling:
    """g / (||g|| + epsilon) with the L2 norm of all views, in float32 or better.

    CSD's code has it after `clip(0.05)`.
    """

    def rescaling(gradient, progress):
        precise = gradient.astype(jnp.promote_types(gradient.dtype, jnp.float32))
        return (precise / (jnp.linalg.norm(precise.ravel()) + epsilon)).astype(gradient.dtype)

    return rescaling


def chain(*rescalings: Rescaling) -> Rescaling:
    """One after the other."""

    def rescaling(gradient, progress):
        for step in rescalings:
            gradient = step(gradient, progress)
        return gradient

    return rescaling


def rescaled(rule: Rule, *rescalings: Rescaling) -> Rule:
    """The rule with its gradient rescaled, step by step; state, evaluations and `image_target`
    stay the same."""
    rescaling = chain(*rescalings)

    def update(key, latents, state, predictor, *, progress, view):
        found = rule.update(key, latents, state, predictor, progress=progress, view=view)
        return found._replace(gradient=rescaling(found.gradient, progress))

    return rule._replace(update=update)


GRADIENT = {
    "clip": optional(ramped(number(above=0))).of(None, "bound of its entries; None: no bound"),
    "normalise": flag().of(False, "divide it by its norm, after that"),
}


def made_rescalings(table: Table, steps: int) -> list[Rescaling]:
    """What a table of `GRADIENT` does to a rule's gradient: first clipped, then normalised."""
    settings = arguments(GRADIENT, table, steps)
    clips = [] if settings["clip"] is None else [clip(settings["clip"])]
    return clips + [normalise()] * settings["normalise"]
