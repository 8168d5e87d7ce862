"""Classifier-free guidance and Perp-Neg: the only place where predictions are combined.

One convention throughout: epsilon = uncond + guidance_scale (cond - uncond), so that scale 1 is
the conditional prediction and 0 the unconditional one; `text_anchored` converts the other one.
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


def text_anchored(scale: float) -> float:
    """The guidance scale of code that writes cond + s (cond - uncond), in our convention: s + 1.

    So write threestudio's SDS, SJC, Consistent3D, SDI, DSD and CFD, where they do not use Perp-Neg;
    with Perp-Neg, and in VSD, MVDream and Zero123, it is uncond + s (...), as here.
    """
    return scale + 1.0


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


class Asked(NamedTuple):
    """One guided prediction of several; see `Predictor.together`."""

    x_t: Latents
    t: Int[Array, ""] | int
    guidance_scale: Scale


class AskedBranches(NamedTuple):
    """The plain predictions of some branches, one question of several; see
    `Predictor.branches_together`."""

    x_t: Latents
    t: Int[Array, ""] | int
    names: tuple[BranchName, ...]


@runtime_checkable
class Predictor(Protocol):
    """A prior that looks at some views of one particle.

    `predictor(x_t, t, guidance_scale)` is the guided noise prediction, ONE evaluation of the
    network on all the branches that the scale needs.

    `predictor.together(*asked)` are several guided predictions of one step, each at its own
    timestep, again in ONE evaluation: a rule that needs independent ones asks for them so.

    `predictor.predict_branches(x_t, t, names)` is the plain prediction of each of the named
    branches, again ONE evaluation; for rules that combine them in their own way.  Where the prior
    has no empty prompt of its own, `null` is `uncond`.  `predictor.branches_together(*asked)` are
    several of those in ONE evaluation.

    `predictor.subspace(*vectors)` says where the ODE from `vectors` lives, if the prior knows a
    smaller space than all latents: it returns a predictor on coordinates of that space, the
    coordinates of the vectors and the map from coordinates back to latents.  Linear steps (DDIM)
    commute with that map, so an ODE may be followed in coordinates.
    """

    def __call__(  # noqa: D102
        self, x_t: Latents, t: Int[Array, ""] | int, guidance_scale: Scale
    ) -> Latents: ...

    def together(self, *asked: "Asked") -> list[Latents]: ...  # noqa: D102

    def predict_branches(  # noqa: D102
        self,
        x_t: Latents,
        t: Int[Array, ""] | int,
        names: tuple[BranchName, ...] = EVERY_BRANCH,
    ) -> Predictions: ...

    def branches_together(self, *asked: "AskedBranches") -> list[Predictions]: ...  # noqa: D102

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
        return self.together(Asked(x_t, t, guidance_scale))[0]

    def together(self, *asked: Asked) -> list[Latents]:
        """Of each what a call gives, with only the branches that its scale needs in the batch."""
        questions = [AskedBranches(x_t, t, self._guided_branches(s)) for x_t, t, s in asked]
        found, scales = self.branches_together(*questions), [one.guidance_scale for one in asked]
        return [guided(one, scale) for one, scale in zip(found, scales, strict=True)]

    def predict_branches(
        self,
        x_t: Latents,
        t: Int[Array, ""] | int,
        names: tuple[BranchName, ...] = EVERY_BRANCH,
    ) -> Predictions:
        """Each embedding that the names stand for is evaluated once."""
        return self.branches_together(AskedBranches(x_t, t, names))[0]

    def _guided_branches(self, guidance_scale: Scale) -> tuple[BranchName, ...]:
        return GUIDED_BRANCHES if self.branches.negatives else branches_of(guidance_scale)

    def branches_together(self, *asked: AskedBranches) -> list[Predictions]:
        """Of each what `predict_branches` gives, all in one batch."""
        rows, sources = [], []
        for x_t, t, names in asked:
            embeddings, source = self._embeddings(names)
            sources.append(source)
            t = jnp.asarray(t, jnp.int32)
            rows.append([(x_t, t, embedding) for embedding in embeddings])
        found = iter(self.evaluate([row for question in rows for row in question]))
        results = []
        for question, (single, names) in zip(rows, sources, strict=True):
            own = [next(found) for _ in question]
            named = {name: own[single.index(source)] for name, source in names.items()}
            negatives = tuple(own[len(single) :])
            weights = self.branches.negative_weights if negatives else ()
            results.append(Predictions(**named, negatives=negatives, negative_weights=weights))
        return results

    def _embeddings(self, names: tuple[BranchName, ...]) -> tuple[list[Any], tuple]:
        """What has to be evaluated for `names`: the embeddings of single branches in order, then
        those of the negatives; and which single branch stands for which name."""
        positive, unconditional, negatives, _, null = self.branches
        embeddings: dict[str, Any] = {"cond": positive, "uncond": unconditional, "null": null}
        sources = {name: name for name in names if name != "negatives"}
        if null is None and "null" in names:
            sources["null"] = "uncond"
        single = sorted(set(sources.values()))
        asked = negatives if "negatives" in names else ()
        return [*(embeddings[name] for name in single), *asked], (single, sources)

    def evaluate(self, rows: list[tuple[Latents, Int[Array, ""], Any]]) -> list[Latents]:
        """The plain prediction of each (x_t, t, embedding), in one evaluation: with one timestep
        for all where they share it, else with one per entry of the batch.

        A network of low precision is combined in the precision of `x_t`.
        """
        latents, timesteps, embeddings = zip(*rows, strict=True)
        stacked = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *embeddings)
        batch = jnp.concatenate(latents)
        t = timesteps[0]
        if any(other is not t for other in timesteps):
            pairs = zip(latents, timesteps, strict=True)
            t = jnp.concatenate([jnp.broadcast_to(t, len(x_t)) for x_t, t in pairs])
        predictions = self.predict_noise(batch, t, stacked).astype(batch.dtype)
        return jnp.split(predictions, len(rows))

    def subspace(
        self, *vectors: Latents
    ) -> tuple["NetworkPredictor", tuple[Latents, ...], Callable[[Latents], Latents]]:
        """A network knows no smaller space."""
        return self, vectors, lambda latents: latents
