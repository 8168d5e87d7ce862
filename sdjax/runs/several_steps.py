"""Some steps one after the other, inside a program."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int


class Span(NamedTuple):
    """Which steps a program takes: from `first` on all that it has, or only `count` of them."""

    first: Int[Array, ""]
    count: Int[Array, ""] | None = None


def several_steps(
    body: Callable[[Any, Int[Array, ""]], tuple[Any, Any]], carry: Any, span: Span, steps: int
) -> tuple[Any, Any]:
    """`body(carry, step) -> (carry, log)` at `steps` steps from the first of `span` on: the last
    carry, and the logs with a leading axis of `steps`.

    Given a count, at most `steps`, it takes only so many of them, and the other rows of the log
    are 0: one program for any number.
    """
    first, count = span
    if count is None:
        return jax.lax.scan(body, carry, first + jnp.arange(steps))
    body = jax.jit(body)  # traced once, for the shapes and in the loop
    _, rows = jax.eval_shape(body, carry, first)
    log = jax.tree.map(lambda row: jnp.zeros((steps, *row.shape), row.dtype), rows)

    def one(index, carried):
        carry, log = carried
        carry, rows = body(carry, first + index)
        return carry, jax.tree.map(lambda log, row: log.at[index].set(row), log, rows)

    return jax.lax.fori_loop(0, count, one, (carry, log))
