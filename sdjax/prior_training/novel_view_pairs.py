"""Pairs of views of one object: what Zero-1-to-3 is given, and what it is to draw."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from sdjax.cameras import Camera
from sdjax.prior_training.object_views import ObjectViews
from sdjax.prior_training.scenes import Framing
from sdjax.prior_training.sources import in_parts
from sdjax.prior_training.views_of_objects import Views

Range = tuple[float, float]


class Shown(NamedTuple):
    """Views, and which of them may be the picture that is given; of every object at least one."""

    views: Views
    given: Bool[np.ndarray, "number"]


class Encoded(NamedTuple):
    """The same as networks read them, all at hand."""

    latents: Float[np.ndarray, "number h w c"]  # not scaled
    embeddings: Float[np.ndarray, "number features"]  # CLIP's
    cameras: Camera  # [number]
    objects: Int[np.ndarray, "number"]
    given: Bool[np.ndarray, "number"]


class Pairs(NamedTuple):
    """A batch; cameras are rows of azimuth, elevation, distance and field of view."""

    target: Float[np.ndarray, "batch h w c"]  # latents, not scaled
    picture: Float[np.ndarray, "batch h w c"]  # latents of the picture given, not scaled
    embedding: Float[np.ndarray, "batch features"]
    target_camera: Float[np.ndarray, "batch 4"]
    picture_camera: Float[np.ndarray, "batch 4"]


def independent_cameras(
    generator: np.random.Generator, scenes: int, views: int, framing: Framing, given: Range
) -> Camera:
    """[scenes, views] cameras, drawn independently.

    Azimuths are uniform around the object, elevations uniform in degrees: over `given`, where one
    holds a camera who takes a picture, in columns 0, 2, ..., over the framing's own in the others.
    """
    shape = scenes, views
    azimuth = generator.uniform(0.0, 360.0, shape)
    elevation = generator.uniform(*framing.elevation, shape)
    elevation[:, ::2] = generator.uniform(*given, elevation[:, ::2].shape)
    rest = (generator.uniform(*bounds, shape) for bounds in (framing.distance, framing.fovy))
    return Camera(*(np.float32(values) for values in (azimuth, elevation, *rest)))


def of_renderings(made: ObjectViews, given: Range) -> Shown:
    """All of them in a row; those whose camera stands at an elevation within `given` may be the
    picture given."""
    scenes, views = made.cameras.azimuth.shape
    cameras = jax.tree.map(np.ravel, made.cameras)
    pictures = made.pictures.reshape(-1, *made.pictures.shape[2:])
    objects = np.repeat(np.arange(scenes, dtype=np.int32), views)
    low, high = np.float32(given)
    within = (cameras.elevation >= low) & (cameras.elevation <= high)
    return Shown(Views(pictures, cameras, objects, [""] * len(objects)), within)


def encoded(
    shown: Shown,
    encode: Callable[[np.ndarray], np.ndarray],
    embed: Callable[[np.ndarray], np.ndarray],
) -> Encoded:
    """By the two functions of uint8 pictures: to latents, and to embeddings."""
    pictures, cameras, objects = shown.views[:3]
    latents, embeddings = (in_parts(network, pictures) for network in (encode, embed))
    return Encoded(latents, embeddings, cameras, objects, shown.given)


def draw_pairs(generator: np.random.Generator, encoded: Encoded, size: int) -> Pairs:
    """`size` of them with replacement: a view that may be given, and another of its object, each
    such view and each other equally likely."""
    pictures = generator.choice(np.flatnonzero(encoded.given), size=size)
    targets = _others(generator, encoded.objects, pictures)
    cameras = np.stack(encoded.cameras[:4], axis=-1)
    return Pairs(
        encoded.latents[targets],
        encoded.latents[pictures],
        encoded.embeddings[pictures],
        cameras[targets],
        cameras[pictures],
    )


def _others(
    generator: np.random.Generator, objects: np.ndarray, chosen: np.ndarray
) -> Int[np.ndarray, "size"]:
    """For each chosen view another of its object."""
    order = np.argsort(objects, kind="stable")
    counts = np.bincount(objects)
    starts = np.cumsum(counts) - counts
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    own = objects[chosen]
    step = generator.integers(1, counts[own])
    return order[starts[own] + (places[chosen] - starts[own] + step) % counts[own]]
