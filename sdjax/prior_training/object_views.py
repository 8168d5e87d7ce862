"""Renderings of the package's objects, several cameras around each."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import UInt8

from sdjax.cameras import Camera
from sdjax.objects.model import Object
from sdjax.objects.solids import Model
from sdjax.prior_training.captions import Words
from sdjax.prior_training.scenes import Scenes, Variety, draw_objects, take_pictures

DrawCameras = Callable[[np.random.Generator, int], Camera]  # of so many scenes: [scenes, views]
_AT_ONCE = 256  # pictures rendered in one call


class ObjectViews(NamedTuple):
    """`scenes` objects, each from `views` sides."""

    pictures: UInt8[np.ndarray, "scenes views h w 3"]  # on white
    cameras: Camera  # [scenes, views], float32
    words: list[Words]  # of each object, none for views


def rendered_views(
    objects: Sequence[Object],
    variety: Variety,
    draw_cameras: DrawCameras,
    number: int,
    resolution: int,
    seed: Sequence[int],
    tell: Callable[[int], None] | None = None,
) -> ObjectViews:
    """`number` objects in colours and proportions of their own; `tell(pictures)` now and then.

    What is drawn depends on `seed`, and for an object not on how many follow it.
    """
    parts: list[ObjectViews] = []
    while sum(len(part.words) for part in parts) < number:
        generator = np.random.default_rng([*seed, len(parts)])
        parts.append(_part(generator, objects, variety, draw_cameras, resolution))
        done = min(number, sum(len(part.words) for part in parts))
        if tell is not None:
            tell(done * parts[0].pictures.shape[1])
    pictures, cameras = (
        jax.tree.map(lambda *leaves: np.concatenate(leaves)[:number], *column)
        for column in zip(*(part[:2] for part in parts), strict=True)
    )
    words = [one for part in parts for one in part.words]
    return ObjectViews(pictures, cameras, words[:number])


def take_views(
    models: Model, cameras: Camera, resolution: int
) -> UInt8[np.ndarray, "scenes views resolution resolution 3"]:
    """Each model from the cameras [scenes, views] of its row, 8 bits a channel."""
    scenes, views = cameras.azimuth.shape
    repeated = jax.tree.map(lambda leaf: np.repeat(leaf, views, axis=0), models)
    flat = jax.tree.map(np.ravel, cameras)
    pictures = take_pictures(Scenes(repeated, flat, []), resolution)
    return pictures.reshape(scenes, views, *pictures.shape[1:])


def _part(generator, objects, variety, draw_cameras, resolution: int) -> ObjectViews:
    """Always as many objects for as many views: one shape, one compilation."""
    cameras = draw_cameras(generator, 1)
    scenes = max(1, _AT_ONCE // cameras.azimuth.size)
    models, words = draw_objects(generator, scenes, objects, variety)
    cameras = draw_cameras(generator, scenes)
    return ObjectViews(take_views(models, cameras, resolution), cameras, words)
