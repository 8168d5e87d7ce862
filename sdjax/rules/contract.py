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
from sdjax.config.errors import UserError
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.ramps import Ramp, value_at
from sdjax.shapes import check_shape

Latents = Float[Array, "views height width channels"]
Image = Float[Array, "views image_height image_width 3"]  # in [0, 1]
Decode = Callable[[Latents], Image]


class View(NamedTuple):
    """What a rule may know of the renderings that it guides."""

    camera: Camera  # one per view
    opacity: Float[Array, "views image_height image_width 1"]  # in [0, 1]
    # mean distance along the ray to what it sees, world units; None where the renderer has none
    depth: Float[Array, "views image_height image_width 1"] | None = None


class Aux(NamedTuple):
    """For logs and pictures: where the rule looked and what it saw."""

    t: Int[Array, ""]
    noisy: Latents  # x_t
    predicted_x0: Latents  # the one-step estimate at x_t


class ImageTarget(NamedTuple):
    """Where a rule draws the rendered image, besides the latents; see `image_residual`."""

    latents: Latents  # clean ones, whose decoding is the target
    weight: float | Float[Array, ""]  # w(t), the rule's choice


def image_target(
    latents: Latents,
    image_weight: float | Ramp,
    weight: float | Float[Array, ""],
    progress: Float[Array, ""],
) -> ImageTarget | None:
    """`latents` with the weight `image_weight` times `weight`; None where the former is 0."""
    if not callable(image_weight) and image_weight == 0.0:
        return None
    return ImageTarget(latents, value_at(image_weight, progress) * weight)


class Update(NamedTuple):
    """What `Rule.update` returns."""

    gradient: Latents  # what a descent step subtracts
    state: Any
    aux: Aux
    image_target: ImageTarget | None = None


class UpdateFn(Protocol):
    """The signature of `Rule.update`; `progress` = step / total steps, in [0, 1]."""

    def __call__(  # noqa: D102
        self,
        key: jax.Array,
        latents: Latents,
        state: Any,
        predictor: Predictor,
        *,
        progress: Float[Array, ""] | None,
        view: View | None,
    ) -> Update: ...


def check_latents(latents: Latents, view: View | None) -> None:
    """Raises a UserError for latents or a view without their axes, or with different views."""
    check_shape("latents", latents, "views height width channels")
    if view is not None:
        check_shape("view.opacity", view.opacity, f"{len(latents)} height width 1")
        check_shape("view.camera.azimuth", view.camera.azimuth, f"{len(latents)}")


def check_kept(rule: str, latents: jax.Array, kept: jax.Array) -> None:
    """Raises a UserError for latents of other views or another resolution than what `rule` keeps
    from one step to the next."""
    if latents.shape == kept.shape:
        return
    views = "one view" if len(kept) == 1 else f"{len(kept)} views of one scene"
    raise UserError(
        f"{rule} was given latents of shape {latents.shape}, expected those of {views} at the "
        f"resolution of the noise that it keeps, {kept.shape}."
    )


def needed_view(view: View | None) -> View:
    """`view`; raises a UserError where it was left out."""
    if view is None:
        raise UserError(
            "view was left out, expected View(camera, opacity): this rule's noise or ODE depends "
            "on the camera."
        )
    return view


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


def image_residual(target: ImageTarget, image: Image, decode: Decode) -> Image:
    """w(t) (image - decode(target.latents)), a gradient with respect to the image in [0, 1].

    It is the image trick of HiFA (Zhu et al., arXiv 2305.18766, equation 7), which FSD uses too.
    `decode` gives pictures of the rendering's size; nothing is differentiated through it.
    """
    decoded = jax.lax.stop_gradient(decode(target.latents))
    if decoded.shape != image.shape:
        raise UserError(
            f"The target is decoded to {decoded.shape} and the image is {image.shape}, expected "
            "one shape: let `decode` end with a resize to the image."
        )
    return target.weight * (jax.lax.stop_gradient(image) - decoded)


def guidance_loss(
    rule: Rule, decode: Decode | None = None
) -> Callable[..., tuple[Float[Array, ""], tuple[Any, Aux]]]:
    """`loss(latents, key, state, predictor, *, progress, view, image) -> (scalar, (state, aux))`.

    `jax.grad(loss, has_aux=True)` with respect to the latents [views, height, width, channels] is
    the rule's gradient, and through a renderer `latents = encode(image)`, `image = render(params)`
    the gradient of the particle.

    `progress` = step / total steps is for rules in which something changes in the course of the
    run, `view` for those that look at the camera or the surface (SDS needs neither), `image` and
    `decode` for those with an `image_target`: their loss has the gradient `image_residual` with
    respect to `image`, too.  Raises a UserError where one of them is needed and left out, and for
    latents of another rank.
    """

    def loss(latents, key, state, predictor, *, progress=None, view=None, image=None):
        if isinstance(progress, (int, float)):
            progress = jnp.asarray(progress, jnp.result_type(float))
        constant = jax.lax.stop_gradient(latents)
        update = rule.update(key, constant, state, predictor, progress=progress, view=view)
        value = surrogate_loss(update.gradient, latents)
        if update.image_target is not None:
            if decode is None or image is None:
                raise UserError(
                    "The rule has a residual of the image but got no image or no decoder: call "
                    "guidance_loss(rule, decode) and give its loss `image`."
                )
            value += surrogate_loss(image_residual(update.image_target, image, decode), image)
        return value, (update.state, update.aux)

    return loss
