"""Scenes to train on: four orthogonal views of one object each, their cameras and a caption."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sdjax.camera_numbers import mvdream_camera
from sdjax.cameras import Camera
from sdjax.prior_training import sources
from sdjax.prior_training.captions import draw_caption
from sdjax.prior_training.object_views import rendered_views, take_views
from sdjax.prior_training.scenes import Framing, draw_objects
from sdjax.prior_training.sources import Encode, Renderings

VIEWS = 4  # of a scene


class Batch(NamedTuple):
    """Scenes of four views; `values` are uint8 pictures or float32 latents."""

    values: np.ndarray  # [scenes, views, ...]
    cameras: Float[np.ndarray, "scenes views 16"]  # what the network is told of them
    captions: list[str]


@dataclass(frozen=True)
class Bank:
    """Scenes at hand; `caption` makes one for the scene of an index."""

    values: np.ndarray
    cameras: Float[np.ndarray, "scenes views 16"]
    caption: Callable[[np.random.Generator, int], str]

    def batch(self, generator: np.random.Generator, size: int) -> Batch:
        """`size` of them, drawn with replacement."""
        chosen = generator.integers(len(self.values), size=size)
        captions = [self.caption(generator, index) for index in chosen.tolist()]
        return Batch(self.values[chosen], self.cameras[chosen], captions)

    def encoded(self, encode: Encode) -> "Bank":
        """The same with latents in place of the pictures, all computed now."""
        scenes, views, *shape = self.values.shape
        flat = sources.Bank(self.values.reshape(-1, *shape), self.caption).encoded(encode).values
        return replace(self, values=flat.reshape(scenes, views, *flat.shape[1:]))


@dataclass(frozen=True)
class Fresh:
    """Scenes that are made for each batch and never again."""

    draw: Callable[[np.random.Generator, int], Batch]

    def batch(self, generator: np.random.Generator, size: int) -> Batch:
        """`size` new ones."""
        return self.draw(generator, size)

    def encoded(self, encode: Encode) -> "Fresh":
        """The same with each batch encoded."""

        def draw(generator: np.random.Generator, size: int) -> Batch:
            made = self.draw(generator, size)
            flat = encode(made.values.reshape(-1, *made.values.shape[2:]))
            return made._replace(values=flat.reshape(size, VIEWS, *flat.shape[1:]))

        return Fresh(draw)


Source = Bank | Fresh


def draw_rigs(framing: Framing, generator: np.random.Generator, scenes: int) -> Camera:
    """Cameras [scenes, 4] at azimuths a + 90 k, a uniform in [0, 90), alike in the rest (`rigs`).

    Elevation (in degrees), distance and field of view are uniform in their ranges.
    """
    quarters = 90.0 * np.arange(VIEWS)
    azimuth = generator.uniform(0.0, 90.0, (scenes, 1)) + quarters
    ranges = (framing.elevation, framing.distance, framing.fovy)
    rest = [np.repeat(generator.uniform(*one, (scenes, 1)), VIEWS, axis=1) for one in ranges]
    return Camera(*(np.float32(values) for values in (azimuth, *rest)))


def camera_numbers(cameras: Camera) -> Float[np.ndarray, "scenes views 16"]:
    """What MVDream is told of cameras [scenes, views]; an object's front is at azimuth 0."""
    flat = jax.tree.map(lambda leaf: jnp.asarray(leaf).ravel(), cameras)
    numbers = np.asarray(jax.jit(mvdream_camera)(flat))
    return numbers.reshape(*cameras.azimuth.shape, numbers.shape[-1])


def rendered(
    renderings: Renderings,
    number: int,
    seed: Sequence[int],
    tell: Callable[[int], None] | None = None,
) -> Bank:
    """`number` scenes rendered now; their captions are drawn anew whenever they are used."""
    cameras = partial(draw_rigs, renderings.framing)
    made = rendered_views(
        renderings.objects, renderings.variety, cameras, number, renderings.resolution, seed, tell
    )

    def caption(generator: np.random.Generator, index: int) -> str:
        return draw_caption(generator, made.words[index], renderings.odds)

    return Bank(made.pictures, camera_numbers(made.cameras), caption)


def fresh(renderings: Renderings) -> Fresh:
    """Scenes rendered for each batch: for devices that render faster than they train."""

    def draw(generator: np.random.Generator, size: int) -> Batch:
        models, words = draw_objects(generator, size, renderings.objects, renderings.variety)
        cameras = draw_rigs(renderings.framing, generator, size)
        pictures = take_views(models, cameras, renderings.resolution)
        return Batch(pictures, camera_numbers(cameras), renderings.captions(generator, words))

    return Fresh(draw)
