"""A ball in place of the rendered surface, for noise that sticks to surfaces: the "sphere warm-up"
of CFD's code (arXiv 2501.05445), which its configurations leave off."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from sdjax.cameras import rays
from sdjax.diffusion.ramps import Progress, needed
from sdjax.rules.contract import View


def ball_view(view: View, radius: float) -> View:
    """What the cameras would see of an opaque ball of `radius` around the origin: along a ray
    o + s d it begins at s = -<o, d> - sqrt(radius^2 - |o - <o, d> d|^2), where that has a root."""
    height, width = view.opacity.shape[1:3]
    origins, directions = jax.vmap(lambda camera: rays(camera, height, width))(view.camera)
    along = jnp.sum(origins * directions, axis=-1, keepdims=True)
    nearest = origins - along * directions  # of the ray to the origin; its square loses no digits
    square = radius**2 - jnp.sum(nearest**2, axis=-1, keepdims=True)
    depth = -along - jnp.sqrt(jnp.maximum(square, 0.0))
    opacity = (square > 0.0).astype(view.opacity.dtype)
    return view._replace(opacity=opacity, depth=depth.astype(view.opacity.dtype))


def ball_at_first(part: float, radius: float) -> Callable[[View, Progress | None], View]:
    """The `look` of a noise function: the ball for the first `part` of a run, then the surface."""

    def look(view, progress):
        ball = ball_view(view, radius)
        is_warm = needed(progress) >= part
        choose = lambda own, of_ball: jnp.where(is_warm, own, of_ball)  # noqa: E731
        return view._replace(
            opacity=choose(view.opacity, ball.opacity), depth=choose(view.depth, ball.depth)
        )

    return look
