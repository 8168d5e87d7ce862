"""A particle that becomes infinite or NaN stays at its last good state; the others go on.

What a step is looked at for, in this order, is `term_names`: the losses, the gradient of the
params, the params after the step, and what the particle adds to something that all share.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

NONE = -1


class Failure(NamedTuple):
    """When a particle stopped, and for which of `term_names`; both are -1 while it goes on."""

    step: Int[Array, "*particles"]
    term: Int[Array, "*particles"]

    @property
    def is_none(self) -> Bool[Array, "*particles"]:
        """Whether the particle goes on."""
        return self.term == NONE


def no_failure() -> Failure:
    """That of a particle before its first step."""
    return Failure(jnp.int32(NONE), jnp.int32(NONE))


def term_names(losses: Sequence[str]) -> tuple[str, ...]:
    """The terms of a run with these regularisers, in the order of `Failure.term`."""
    return ("guidance", *losses, "gradient", "parameters", "learning")


def is_finite(tree: Any) -> Bool[Array, ""]:
    """Whether no number in `tree` is infinite or NaN."""
    leaves = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]
    return jnp.all(jnp.stack(leaves)) if leaves else jnp.bool_(True)


def settled(
    before: Any,
    moved: Callable[[Any, Any], Any],
    losses: Sequence[Any],
    gradient: Any,
    step: Int[Array, ""],
) -> Any:
    """The `Particle` `moved(before, gradient)` at the end of a step, or `before` with its failure
    where a loss, the gradient or the params after the step are not finite, or where it had stopped.

    The params are computed for the look alone, in passing, and again for the step, so that a
    particle that is moved on its own is moved in its own memory: this takes half as long as to
    keep both and choose.  No optimiser makes finite params of a gradient that is not (a test
    looks), so that the gradient need only be looked at to name it.
    """
    goes_on = before.failure.is_none & is_finite([*losses, moved(before, gradient).params])

    def stopped(before, gradient):
        failure = updated(before.failure, [*losses, gradient, jnp.nan], step)  # else the params
        return before._replace(failure=failure)

    return jax.lax.cond(goes_on, moved, stopped, before, gradient)


def updated(
    failure: Failure, terms: Sequence[Any], step: Int[Array, ""], first: int = 0
) -> Failure:
    """`failure`, or where it is none that of the first of the `terms` that is not finite; `first`
    is the place of the first one among all."""
    finite = jnp.stack([is_finite(term) for term in terms])
    is_new = failure.is_none & ~jnp.all(finite)
    found = Failure(jnp.asarray(step, jnp.int32), jnp.int32(first) + jnp.argmin(finite))
    return jax.tree.map(
        lambda new, old: jnp.where(is_new, new, old).astype(old.dtype), found, failure
    )
