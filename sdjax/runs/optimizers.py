"""How a particle takes its steps; `OPTIMIZERS` is the only list."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from sdjax.config.fields import fields_of, fraction, number, optional
from sdjax.config.kinds import Choice, Kind, kinds


class Optimizer(NamedTuple):
    """The direction of a step, and its length at a fraction of the run."""

    direction: optax.GradientTransformation
    learning_rate: Callable[[Float[Array, ""]], Float[Array, ""]]


def falling(learning_rate: float, final: float) -> Callable:
    """From `learning_rate` to `final` times that along half a cosine."""
    return lambda progress: (
        learning_rate * (final + (1 - final) * 0.5 * (1 + jnp.cos(jnp.pi * progress)))
    )


def adam(
    learning_rate: float = 0.01,
    background_learning_rate: float | None = None,
    final: float = 1.0,
    b1: float = 0.9,
    b2: float = 0.99,
    eps: float = 1e-15,
) -> Optimizer:
    """Adam (arXiv 1412.6980), by default with the values of threestudio's recipes; the background
    may have a learning rate of its own."""
    direction, rate = optax.scale_by_adam(b1, b2, eps), falling(learning_rate, final)
    if background_learning_rate is not None:
        factor = optax.scale(background_learning_rate / learning_rate)
        direction = optax.chain(direction, optax.masked(factor, _is_background))
    return Optimizer(direction, rate)


def sgd(learning_rate: float = 0.1, final: float = 1.0) -> Optimizer:
    """Plain steps along the gradient."""
    return Optimizer(optax.identity(), falling(learning_rate, final))


def _is_background(params: dict[str, Any]) -> dict[str, Any]:
    return {
        name: jax.tree.map(lambda _, name=name: name == "background", part)
        for name, part in params.items()
    }


_LENGTH = {
    "learning_rate": number(above=0).says("step size at the start"),
    "final": fraction().says("part of it at the end, along half a cosine"),
}
OPTIMIZERS = kinds(
    Kind(
        "adam",
        adam,
        fields_of(
            adam,
            learning_rate=_LENGTH["learning_rate"],
            background_learning_rate=optional(number(above=0)).says(
                "step size of the background; None: the same"
            ),
            final=_LENGTH["final"],
            b1=fraction().says("decay of the mean of the gradients"),
            b2=fraction().says("decay of the mean of their squares"),
            eps=number(above=0).says("added to the root of that"),
        ),
    ),
    Kind("sgd", sgd, fields_of(sgd, **_LENGTH)),
)
OPTIMIZER = Choice(OPTIMIZERS, "adam", "how a particle takes its steps")
