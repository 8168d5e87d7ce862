"""Antialiased images of objects: one object from one camera, or many from many."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.cameras import Camera, rays
from sdjax.objects.lighting import shade
from sdjax.objects.model import Object, stack_models
from sdjax.objects.solids import Model
from sdjax.objects.visibility import first_hit


class Rendering(NamedTuple):
    """What a camera sees of one object, on white."""

    colour: Float[Array, "*views height width 3"]  # in [0, 1]
    opacity: Float[Array, "*views height width 1"]  # the covered part of the pixel
    depth: Float[Array, "*views height width 1"]  # mean over the covered part; 0 where none


def render(model: Model, camera: Camera, height: int, width: int, samples: int = 2) -> Rendering:
    """One object, its pixels the mean of `samples`² rays each (box filter).

    Jit-able with `height`, `width` and `samples` static; `samples` >= 1.
    """
    origins, directions = rays(camera, samples * height, samples * width)
    origin, directions = origins[0, 0], jnp.moveaxis(directions, -1, 0).reshape(3, -1)
    hit = first_hit(model, origin, directions)
    covered = jnp.isfinite(hit.depth)
    depth = jnp.where(covered, hit.depth, 0.0)
    lit = shade(hit.colour, hit.normal, origin[2] + depth * directions[2])
    image = jnp.concatenate([jnp.where(covered[None], lit, 1.0), covered[None], depth[None]])
    image = image.reshape(5, height, samples, width, samples).mean((2, 4))
    colour, opacity, depth = jnp.split(jnp.moveaxis(image, 0, -1), (3, 4), axis=-1)
    return Rendering(colour, opacity, depth / jnp.maximum(opacity, 1e-6))


def render_views(
    objects: Sequence[Object], cameras: Camera, resolution: int, samples: int = 2
) -> Float[Array, "objects views resolution resolution 3"]:
    """The colour images of every object from every camera.

    Compiled once per number of objects and views, whatever their categories.
    """
    return _render_all(stack_models(objects), cameras, resolution, samples)


@partial(jax.jit, static_argnames=("resolution", "samples"))
def _render_all(models: Model, cameras: Camera, resolution: int, samples: int):
    def view(camera: Camera):
        def colour(model: Model):
            return render(model, camera, resolution, resolution, samples).colour

        # Sequential on CPU, where it keeps one object's rays in the cache.
        each = jax.lax.map if jax.default_backend() == "cpu" else jax.vmap
        return each(colour, models) if each is jax.lax.map else each(colour)(models)

    return jnp.moveaxis(jax.lax.map(view, cameras), 0, 1)
