"""The contract of a guidance rule, and the loss whose gradient it is.

A rule is three pure functions, in the manner of `optax.GradientTransformation`, written for one
particle; `jax.vmap` outside makes many.  Rules draw all randomness from the key they are given.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera
from sdjax.diffusion.guided import Predictor

Latents = Float[Array, "views height width channels"]


class View(NamedTuple):
    """What a rule may know of the renderings that it guides."""

    camera: Camera  # one per view
    opacity: Float[Array, "views image_height image_width 1"]  # in [0, 1]


class Aux(NamedTuple):
    """For logs and pictures: where the rule looked and what it saw."""

    t: Int[Array, ""]
    noisy: Latents  # x_t
    predicted_x0: Latents  # the one-step estimate at x_t


class Update(NamedTuple):
    """What `Rule.update` returns."""

    gradient: Latents  # what a descent step subtracts
    state: Any
    aux: Aux


class UpdateFn(Protocol):
    """The signature of `Rule.update`; `progress` = step / total steps, in [0, 1]."""

    def __call__(  # noqa: D102
        self,
        key: jax.Array,
        latents: Latents,
        state: Any,
        predictor: Predictor,
        *,
        progress: Float[Array, ""],
        view: View,
    ) -> Update: ...


def nothing_to_prepare(state: Any, predictor_at: Callable[[Camera], Predictor]) -> Any:
    """The `prepare` of most rules."""
    return state


class Rule(NamedTuple):
    """A guidance rule for one particle.

    init(key, shape) -> state: what stays fixed for the particle's whole run; `shape` is that of
      the latents of one view, [height, width, channels], at the run's highest resolution.
    prepare(state, predictor_at) -> state: what is computed once per particle and resolution, with
      the prior at hand: `predictor_at(camera)` is the predictor at one camera per view.
    update(key, latents, state, predictor, *, progress, view) -> Update.
    """

    init: Callable[[jax.Array, tuple[int, int, int]], Any]
    update: UpdateFn
    prepare: Callable[[Any, Callable[[Camera], Predictor]], Any] = nothing_to_prepare


def surrogate_loss(gradient: Float[Array, "..."], latents: Float[Array, "..."]) -> Float[Array, ""]:
    """A scalar whose derivative by `latents` is exactly `gradient`: vdot(stop(gradient), latents).

    Its value says nothing; log the norm of the gradient.  (The popular
    0.5 |x - stop(x - g)|^2 loses g to cancellation in low precision.)
    """
    return jnp.vdot(jax.lax.stop_gradient(gradient), latents)


def guidance_loss(rule: Rule) -> Callable[..., tuple[Float[Array, ""], tuple[Any, Aux]]]:
    """`loss(latents, key, state, predictor, *, progress, view) -> (scalar, (state, aux))`.

    `jax.grad(loss, has_aux=True)` with respect to the latents is the rule's gradient, and through
    a renderer `latents = render(params)` the gradient of the particle.
    """

    def loss(latents, key, state, predictor, *, progress, view):
        constant = jax.lax.stop_gradient(latents)
        update = rule.update(key, constant, state, predictor, progress=progress, view=view)
        return surrogate_loss(update.gradient, latents), (update.state, update.aux)

    return loss
