"""Classifier-free guidance and Perp-Neg: the only place where predictions are combined.

One convention throughout: epsilon = uncond + guidance_scale (cond - uncond), so that scale 1 is
the conditional prediction and 0 the unconditional one.  Code bases that write
`cond + s (cond - uncond)` mean our scale s + 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

Latents = Float[Array, "views *shape"]
Scale = float | Float[Array, ""]  # an array where it is annealed


class Branches(NamedTuple):
    """The embeddings of one guided prediction, each a pytree with a leading axis of views."""

    positive: Any
    unconditional: Any  # of the negative prompt, where there is one
    negatives: tuple[Any, ...] = ()
    negative_weights: tuple[Float[Array, "views"], ...] = ()
    null: Any = None  # of the empty prompt; None where that is `unconditional`


BranchName = Literal["cond", "uncond", "null", "negatives"]
EVERY_BRANCH: tuple[BranchName, ...] = ("cond", "uncond", "null", "negatives")
GUIDED_BRANCHES: tuple[BranchName, ...] = ("cond", "uncond", "negatives")


class Predictions(NamedTuple):
    """The noise predictions of single branches; None (or no negatives) where not asked for."""

    cond: Latents | None = None
    uncond: Latents | None = None
    null: Latents | None = None
    negatives: tuple[Latents, ...] = ()
    negative_weights: tuple[Float[Array, "views"], ...] = ()


def classifier_free_guidance(cond: Latents, uncond: Latents, guidance_scale: Scale) -> Latents:
    """uncond + guidance_scale (cond - uncond) (Ho & Salimans, arXiv 2207.12598, equation 6)."""
    return uncond + guidance_scale * (cond - uncond)


def perpendicular(x: Latents, y: Latents) -> Latents:
    """x - (<x, y> / max(<y, y>, 1e-6)) y per view: the part of `x` perpendicular to `y`."""
    axes = tuple(range(1, x.ndim))
    along = jnp.sum(x * y, axes, keepdims=True)
    return x - along / jnp.maximum(jnp.sum(y * y, axes, keepdims=True), 1e-6) * y


def perp_neg_direction(
    predictions: Predictions, weights: tuple[Float[Array, "views"], ...] | None = None
) -> Latents:
    """sum_i w_i perpendicular(negative_i - uncond, cond - uncond), with the branches' own weights
    by default; zero without negatives (Armandpour et al., arXiv 2304.04968, equation 6)."""
    weights = predictions.negative_weights if weights is None else weights
    direction = predictions.cond - predictions.uncond
    total = jnp.zeros_like(direction)
    for negative, weight in zip(predictions.negatives, weights, strict=True):
        weight = weight.reshape(weight.shape + (1,) * (direction.ndim - 1))
        total = total + weight * perpendicular(negative - predictions.uncond, direction)
    return total


def guided(predictions: Predictions, guidance_scale: Scale) -> Latents:
    """Classifier-free guidance of `predictions`, or Perp-Neg where they hold negatives.

    Perp-Neg: uncond + guidance_scale (cond - uncond + `perp_neg_direction`); a negative weight
    pushes away.  Without `uncond` the scale must be 1.
    """
    if predictions.uncond is None:
        return predictions.cond
    if not predictions.negatives:
        return classifier_free_guidance(predictions.cond, predictions.uncond, guidance_scale)
    direction = predictions.cond - predictions.uncond + perp_neg_direction(predictions)
    return predictions.uncond + guidance_scale * direction


def branches_of(guidance_scale: Scale) -> tuple[BranchName, ...]:
    """What `guided` needs; a scale that is only known while running is not taken for 1."""
    if isinstance(guidance_scale, (int, float)) and guidance_scale == 1.0:
        return ("cond",)
    return GUIDED_BRANCHES


@runtime_checkable
class Predictor(Protocol):
    """A prior that looks at some views of one particle.

    `predictor(x_t, t, guidance_scale)` is the guided noise prediction, ONE evaluation of the
    network on all the branches that the scale needs.

    `predictor.predict_branches(x_t, t, names)` is the plain prediction of each of the named
    branches, again ONE evaluation; for rules that combine them in their own way.  Where the prior
    has no empty prompt of its own, `null` is `uncond`.

    `predictor.subspace(*vectors)` says where the ODE from `vectors` lives, if the prior knows a
    smaller space than all latents: it returns a predictor on coordinates of that space, the
    coordinates of the vectors and the map from coordinates back to latents.  Linear steps (DDIM)
    commute with that map, so an ODE may be followed in coordinates.
    """

    def __call__(  # noqa: D102
        self, x_t: Latents, t: Int[Array, ""] | int, guidance_scale: Scale
    ) -> Latents: ...

    def predict_branches(  # noqa: D102
        self,
        x_t: Latents,
        t: Int[Array, ""] | int,
        names: tuple[BranchName, ...] = EVERY_BRANCH,
    ) -> Predictions: ...

    def subspace(  # noqa: D102
        self, *vectors: Latents
    ) -> tuple["Predictor", tuple[Latents, ...], Callable[[Latents], Latents]]: ...


@dataclass(frozen=True)
class NetworkPredictor:
    """The `Predictor` of a network `predict_noise(x_t, t, embedding)`: one batch of branches."""

    predict_noise: Callable[[Latents, Int[Array, ""], Any], Latents]
    branches: Branches

    def __call__(self, x_t: Latents, t: Int[Array, ""] | int, guidance_scale: Scale) -> Latents:
        """Classifier-free guidance, or Perp-Neg where the branches hold negatives."""
        names = GUIDED_BRANCHES if self.branches.negatives else branches_of(guidance_scale)
        return guided(self.predict_branches(x_t, t, names), guidance_scale)

    def predict_branches(
        self,
        x_t: Latents,
        t: Int[Array, ""] | int,
        names: tuple[BranchName, ...] = EVERY_BRANCH,
    ) -> Predictions:
        """Each embedding that the names stand for is evaluated once."""
        positive, unconditional, negatives, weights, null = self.branches
        embeddings: dict[str, Any] = {"cond": positive, "uncond": unconditional, "null": null}
        sources = {name: name for name in names if name != "negatives"}
        if null is None and "null" in names:
            sources["null"] = "uncond"
        needed = sorted(set(sources.values()))
        asked = negatives if "negatives" in names else ()
        t = jnp.asarray(t, jnp.int32)
        found = self.evaluate(x_t, t, [*(embeddings[name] for name in needed), *asked])
        single = dict(zip(needed, found, strict=False))
        return Predictions(
            **{name: single[source] for name, source in sources.items()},
            negatives=tuple(found[len(needed) :]),
            negative_weights=weights if asked else (),
        )

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
