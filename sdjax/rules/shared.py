"""The contract of a rule whose particles share something: what they learn, or one another."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
from jaxtyping import Array, Float

from sdjax.diffusion.guided import Predictor
from sdjax.rules.contract import Latents, Rule, View


class Everyone(NamedTuple):
    """The latents of all particles of a run at one step, through the same cameras."""

    latents: Float[Array, "n views h w c"]
    weights: Float[Array, "n"]  # 1, or 0 for a copy that only fills up a device


class Learned(NamedTuple):
    """What one particle adds to a step of what is shared."""

    gradient: Any  # of its loss with respect to what is learned
    losses: dict[str, Float[Array, ""]]  # for the log


class LearnFn(Protocol):
    """The signature of `SharedRule.learn`."""

    def __call__(  # noqa: D102
        self, key: jax.Array, latents: Latents, shared: Any, predictor: Predictor, *, view: View
    ) -> Learned: ...


class SharedRule(NamedTuple):
    """A `Rule` that depends on a state which all particles share, as VSD's on its LoRA.

    init(key) -> shared: what is learned, once per run, from a key of the run and not of a seed.
    rule(shared, everyone) -> Rule: the rule of each particle, as it stands now; `everyone` is None
      unless `sees_everyone`, and for `Rule.init` and `Rule.prepare`.
    learn(key, latents, shared, predictor, *, view) -> Learned: from one particle, where it is now.
    apply(shared, gradient) -> shared: an optimiser's step along the mean of all particles'
      gradients.
    sees_everyone: whether a particle's gradient depends on the latents of all others; they have to
      look through the same cameras then.

    One step of a run, before which nothing of this step is learned (the two losses of
    ProlificDreamer's code are evaluated at the same parameters):

        update = rule.rule(shared, everyone).update(key, latents, state, predictor, ...)
        learned = rule.learn(another_key, latents, shared, predictor, view=view)
        shared = rule.apply(shared, mean over all particles of learned.gradient)
    """

    init: Callable[[jax.Array], Any]
    rule: Callable[[Any, Everyone | None], Rule]
    learn: LearnFn
    apply: Callable[[Any, Any], Any]
    sees_everyone: bool = False


def altered(rule: SharedRule, change: Callable[[Rule], Rule]) -> SharedRule:
    """With each particle's rule changed, for instance by `sdjax.rules.rescaling.rescaled`."""
    return rule._replace(rule=lambda shared, everyone: change(rule.rule(shared, everyone)))
