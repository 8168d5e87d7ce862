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
    return _image(model, *_sample_rays(camera, height, width, samples), height, samples)


def render_views(
    objects: Sequence[Object], cameras: Camera, resolution: int, samples: int = 2
) -> Float[Array, "objects views resolution resolution 3"]:
    """The colour images of every object from every camera (its fields have shape [views]).

    Compiled once per number of objects and views, whatever the objects are.
    """
    return render_models(stack_models(objects), cameras, resolution, samples)


@partial(jax.jit, static_argnames=("resolution", "samples"))
def render_pairs(
    models: Model, cameras: Camera, resolution: int, samples: int = 2
) -> Float[Array, "pairs resolution resolution 3"]:
    """The colour image of each model (a leading axis on every leaf) from the camera beside it."""

    def colour(pair: tuple[Model, Camera]):
        model, camera = pair
        return render(model, camera, resolution, resolution, samples).colour

    pairs = models, cameras
    return jax.lax.map(colour, pairs) if _is_cpu() else jax.vmap(colour)(pairs)


def _is_cpu() -> bool:
    """Where rendering one image after the other keeps its rays in the cache."""
    return jax.default_backend() == "cpu"


@partial(jax.jit, static_argnames=("resolution", "samples"))
def render_models(
    models: Model, cameras: Camera, resolution: int, samples: int = 2
) -> Float[Array, "models views resolution resolution 3"]:
    """`render_views` of models (a leading axis on every leaf)."""

    def view(camera: Camera):
        sample_rays = _sample_rays(camera, resolution, resolution, samples)

        def colour(model: Model):
            return _image(model, *sample_rays, resolution, samples).colour

        return jax.lax.map(colour, models) if _is_cpu() else jax.vmap(colour)(models)

    return jnp.moveaxis(jax.lax.map(view, cameras), 0, 1)


def _sample_rays(camera: Camera, height: int, width: int, samples: int):
    """The common origin [3] and the directions [3, rays], row by row."""
    origins, directions = rays(camera, samples * height, samples * width)
    return origins[0, 0], jnp.moveaxis(directions, -1, 0).reshape(3, -1)


def _image(model: Model, origin, directions, height: int, samples: int) -> Rendering:
    hit = first_hit(model, origin, directions)
    covered = jnp.isfinite(hit.depth)
    depth = jnp.where(covered, hit.depth, 0.0)
    lit = shade(hit.colour, hit.normal, origin[2] + depth * directions[2])
    planes = jnp.concatenate([jnp.where(covered[None], lit, 1.0), covered[None], depth[None]])
    means = planes.reshape(5, height, samples, -1, samples).mean((2, 4))
    colour, opacity, depth = jnp.split(jnp.moveaxis(means, 0, -1), (3, 4), axis=-1)
    return Rendering(colour, opacity, depth / jnp.maximum(opacity, 1e-6))
