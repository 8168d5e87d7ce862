"""How a particle takes its steps; `OPTIMIZERS` is the only list."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

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
    direction = optax.scale_by_adam(b1, b2, eps)
    return _with_background(direction, learning_rate, background_learning_rate, final)


def adamw(
    learning_rate: float = 0.01,
    background_learning_rate: float | None = None,
    final: float = 1.0,
    b1: float = 0.9,
    b2: float = 0.99,
    eps: float = 1e-15,
    weight_decay: float = 0.01,
) -> Optimizer:
    """Adam whose parameters decay beside its steps (arXiv 1711.05101), by default with the values
    of threestudio's prolificdreamer, which leaves the decay at PyTorch's 0.01."""
    steps, decay = optax.scale_by_adam(b1, b2, eps), optax.add_decayed_weights(weight_decay)
    direction = optax.chain(steps, decay)
    return _with_background(direction, learning_rate, background_learning_rate, final)


def adan(
    learning_rate: float = 0.05,
    background_learning_rate: float | None = None,
    final: float = 1.0,
    b1: float = 0.98,
    b2: float = 0.92,
    b3: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 2e-5,
) -> Optimizer:
    """Adan (arXiv 2208.06677) with the paper's decays, and step size and weight decay as
    threestudio's recipes with Adan have them.

    Parameters decay as AdamW's do, `no_prox` of the official code; in the paper they are divided by
    1 + learning_rate weight_decay after the step, the same to first order.
    """
    steps, decay = scale_by_adan(b1, b2, b3, eps), optax.add_decayed_weights(weight_decay)
    direction = optax.chain(steps, decay)
    return _with_background(direction, learning_rate, background_learning_rate, final)


def sgd(learning_rate: float = 0.1, final: float = 1.0) -> Optimizer:
    """Plain steps along the gradient."""
    return Optimizer(optax.identity(), falling(learning_rate, final))


class AdanState(NamedTuple):
    """How many steps there were, the last gradient, and the means of `scale_by_adan`."""

    count: Int[Array, ""]
    gradient: Any
    m: Any
    v: Any
    n: Any


def scale_by_adan(b1: float, b2: float, b3: float, eps: float) -> optax.GradientTransformation:
    """Adan's direction (arXiv 2208.06677, algorithm 1) for gradients g and changes d of them, 0 at
    the first step:

        m <- b1 m + (1 - b1) g    v <- b2 v + (1 - b2) d    n <- b3 n + (1 - b3) (g + b2 d)^2
        (m' + b2 v') / (sqrt(n') + eps)

    where ' divides a mean by 1 - b^steps, as the official code does; the b of the paper are 1 - b.
    optax up to 0.2.8 has 1 - b2 for b2 in the last two terms (its pull request 1715).
    """

    def init(params):
        zeros = jax.tree.map(jnp.zeros_like, params)
        return AdanState(jnp.int32(0), zeros, zeros, zeros, zeros)

    def update(gradient, state, params=None):
        del params
        count = state.count + 1
        change = jax.tree.map(
            lambda g, before: jnp.where(state.count == 0, 0, g - before), gradient, state.gradient
        )
        ahead = jax.tree.map(lambda g, d: (g + b2 * d) ** 2, gradient, change)
        m, v, n = (
            jax.tree.map(lambda mean, value, b=b: b * mean + (1 - b) * value, means, values)
            for b, means, values in (
                (b1, state.m, gradient),
                (b2, state.v, change),
                (b3, state.n, ahead),
            )
        )
        c1, c2, c3 = (1 - b**count for b in (b1, b2, b3))
        direction = jax.tree.map(
            lambda m, v, n: (m / c1 + b2 * v / c2) / (jnp.sqrt(n / c3) + eps), m, v, n
        )
        return direction, AdanState(count, gradient, m, v, n)

    return optax.GradientTransformation(init, update)


def _with_background(
    direction: optax.GradientTransformation,
    learning_rate: float,
    background_learning_rate: float | None,
    final: float,
) -> Optimizer:
    """Steps along a direction, of which the background's may have another length."""
    if background_learning_rate is not None:
        factor = optax.scale(background_learning_rate / learning_rate)
        direction = optax.chain(direction, optax.masked(factor, _is_background))
    return Optimizer(direction, falling(learning_rate, final))


def _is_background(params: dict[str, Any]) -> dict[str, Any]:
    return {
        name: jax.tree.map(lambda _, name=name: name == "background", part)
        for name, part in params.items()
    }


_RATES = {
    "learning_rate": number(above=0).says("step size at the start"),
    "final": fraction().says("part of it at the end, along half a cosine"),
}
_WITH_BACKGROUND = {
    "learning_rate": _RATES["learning_rate"],
    "background_learning_rate": optional(number(above=0)).says(
        "step size of the background; None: the same"
    ),
    "final": _RATES["final"],
}
_OF_ADAM = {
    **_WITH_BACKGROUND,
    "b1": fraction().says("decay of the mean of the gradients"),
    "b2": fraction().says("decay of the mean of their squares"),
    "eps": number(above=0).says("added to the root of that"),
}
_DECAY = number(at_least=0).says("part of the parameters that a step takes off, times its size")
OPTIMIZERS = kinds(
    Kind("adam", adam, fields_of(adam, **_OF_ADAM)),
    Kind("adamw", adamw, fields_of(adamw, **_OF_ADAM, weight_decay=_DECAY)),
    Kind(
        "adan",
        adan,
        fields_of(
            adan,
            **_WITH_BACKGROUND,
            b1=fraction().says("decay of the mean of the gradients"),
            b2=fraction().says("decay of the mean of their changes"),
            b3=fraction().says("decay of the mean of squares of gradients ahead"),
            eps=number(above=0).says("added to the root of that"),
            weight_decay=_DECAY,
        ),
    ),
    Kind("sgd", sgd, fields_of(sgd, **_RATES)),
)
OPTIMIZER = Choice(OPTIMIZERS, "adam", "how a particle takes its steps")
