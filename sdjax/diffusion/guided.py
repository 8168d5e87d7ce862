"""Classifier-free guidance and Perp-Neg: the only place where predictions are combined.

One convention throughout: epsilon = uncond + guidance_scale (cond - uncond), so that scale 1 is
the conditional prediction and 0 the unconditional one.  Code bases that write
`cond + s (cond - uncond)` mean our scale s + 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

Latents = Float[Array, "views *shape"]


class Branches(NamedTuple):
    """The embeddings of one guided prediction, each a pytree with a leading axis of views."""

    positive: Any
    unconditional: Any
    negatives: tuple[Any, ...] = ()
    negative_weights: tuple[Float[Array, "views"], ...] = ()


def classifier_free_guidance(cond: Latents, uncond: Latents, guidance_scale: float) -> Latents:
    """uncond + guidance_scale (cond - uncond) (Ho & Salimans, arXiv 2207.12598, equation 6)."""
    return uncond + guidance_scale * (cond - uncond)


def perpendicular(x: Latents, y: Latents) -> Latents:
    """x - (<x, y> / max(<y, y>, 1e-6)) y per view: the part of `x` perpendicular to `y`."""
    axes = tuple(range(1, x.ndim))
    along = jnp.sum(x * y, axes, keepdims=True)
    return x - along / jnp.maximum(jnp.sum(y * y, axes, keepdims=True), 1e-6) * y


def perp_neg(
    cond: Latents,
    uncond: Latents,
    negatives: tuple[Latents, ...],
    weights: tuple[Float[Array, "views"], ...],
    guidance_scale: float,
) -> Latents:
    """uncond + guidance_scale (d + sum_i w_i perpendicular(negative_i - uncond, d)), d = cond -
    uncond; a negative weight pushes away (Armandpour et al., arXiv 2304.04968, equation 6)."""
    direction = cond - uncond
    total = direction
    for negative, weight in zip(negatives, weights, strict=True):
        weight = weight.reshape(weight.shape + (1,) * (cond.ndim - 1))
        total = total + weight * perpendicular(negative - uncond, direction)
    return uncond + guidance_scale * total


@runtime_checkable
class Predictor(Protocol):
    """A prior that looks at some views of one particle.

    `predictor(x_t, t, guidance_scale)` is the guided noise prediction, ONE evaluation of the
    network on all the branches that the scale needs.

    `predictor.subspace(*vectors)` says where the ODE from `vectors` lives, if the prior knows a
    smaller space than all latents: it returns a predictor on coordinates of that space, the
    coordinates of the vectors and the map from coordinates back to latents.  Linear steps (DDIM)
    commute with that map, so an ODE may be followed in coordinates.
    """

    def __call__(  # noqa: D102
        self, x_t: Latents, t: Int[Array, ""] | int, guidance_scale: float
    ) -> Latents: ...

    def subspace(  # noqa: D102
        self, *vectors: Latents
    ) -> tuple["Predictor", tuple[Latents, ...], Callable[[Latents], Latents]]: ...


@dataclass(frozen=True)
class NetworkPredictor:
    """The `Predictor` of a network `predict_noise(x_t, t, embedding)`: one batch of branches."""

    predict_noise: Callable[[Latents, Int[Array, ""], Any], Latents]
    branches: Branches

    def __call__(self, x_t: Latents, t: Int[Array, ""] | int, guidance_scale: float) -> Latents:
        """Classifier-free guidance, or Perp-Neg where the branches hold negatives."""
        t, branches = jnp.asarray(t, jnp.int32), self.branches
        if branches.negatives:
            embeddings = [branches.positive, branches.unconditional, *branches.negatives]
            cond, uncond, *negatives = self.evaluate(x_t, t, embeddings)
            weights = branches.negative_weights
            return perp_neg(cond, uncond, tuple(negatives), weights, guidance_scale)
        if guidance_scale == 1.0:
            return self.evaluate(x_t, t, [branches.positive])[0]
        cond, uncond = self.evaluate(x_t, t, [branches.positive, branches.unconditional])
        return classifier_free_guidance(cond, uncond, guidance_scale)

    def evaluate(self, x_t: Latents, t: Int[Array, ""], embeddings: list[Any]) -> list[Latents]:
        """The plain prediction under each of the embeddings, in one evaluation.

        A network of low precision is combined in the precision of `x_t`.
        """
        stacked = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *embeddings)
        batch = jnp.concatenate([x_t] * len(embeddings))
        predictions = self.predict_noise(batch, t, stacked).astype(x_t.dtype)
        return jnp.split(predictions, len(embeddings))

    def subspace(
        self, *vectors: Latents
    ) -> tuple["NetworkPredictor", tuple[Latents, ...], Callable[[Latents], Latents]]:
        """A network knows no smaller space."""
        return self, vectors, lambda latents: latents
