"""Pictures that could be taken of the package's objects, with the words for them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from sdjax.cameras import DIRECTIONS, OCTANTS, Camera, octant, view_direction
from sdjax.config.fields import fields_of, interval, number
from sdjax.objects.model import Object, stacked
from sdjax.objects.render import render_pairs
from sdjax.objects.solids import Model
from sdjax.prior_training.captions import Words
from sdjax.prior_training.drawn_objects import Variety, draw_object

_CENTRES = {"front": (0.0,), "back": (180.0,), "side": (90.0, 270.0)}  # of azimuth, in degrees


class Framing(NamedTuple):
    """Where cameras stand: ranges in degrees and world units."""

    elevation: tuple[float, float] = (-10.0, 60.0)
    distance: tuple[float, float] = (3.2, 3.2)
    fovy: tuple[float, float] = (40.0, 40.0)
    overhead: float = 45.0  # elevations above have the word "overhead"
    margin: float = 0.0  # no view is closer than this to the border between two of the four words


FRAMING = fields_of(
    Framing,
    elevation=interval(number(at_least=-90, at_most=90)).says("of the cameras, degrees"),
    distance=interval(number(above=0)).says("of the cameras from the origin, world units"),
    fovy=interval(number(above=0, at_most=179)).says("vertical field of view, degrees"),
    overhead=number(at_least=-90, at_most=90).says(
        "elevation above which a view is overhead, degrees"
    ),
)
VARIETY = fields_of(
    Variety,
    stretch=number(at_least=0, at_most=0.9).says(
        "part of its length that an axis of an object may lose"
    ),
    shade=number(at_least=0).says("deviation of each channel of a colour, from 0 to 1"),
)


class Scenes(NamedTuple):
    """`number` pictures to be taken: leading axes on all leaves, a list of words."""

    models: Model
    cameras: Camera
    words: list[Words]


def draw_scenes(
    generator: np.random.Generator,
    number: int,
    objects: Sequence[Object],
    framing: Framing,
    variety: Variety,
) -> Scenes:
    """Objects, colours and cameras independently and uniformly, but for the azimuth.

    A third of the azimuths falls into the quarter in front of an object and a third into that
    behind it, the rest onto both sides: prompts name these four, and front and back are what a
    model confuses.
    """
    cameras = _cameras(generator, number, framing)
    directions = view_direction(cameras, overhead=framing.overhead).tolist()
    models, words = draw_objects(generator, number, objects, variety)
    seen = zip(words, directions, octant(cameras).tolist(), strict=True)
    named = [w._replace(direction=DIRECTIONS[d], octant=OCTANTS[o]) for w, d, o in seen]
    return Scenes(models, cameras, named)


def draw_objects(
    generator: np.random.Generator, number: int, objects: Sequence[Object], variety: Variety
) -> tuple[Model, list[Words]]:
    """`number` of them, in colours and proportions of their own, and the words for each, none for
    a view."""
    drawn = [draw_object(generator, objects, variety) for _ in range(number)]
    return stacked([one.model() for one in drawn]), [one.words for one in drawn]


def take_pictures(
    scenes: Scenes, resolution: int, samples: int = 2
) -> UInt8[np.ndarray, "number resolution resolution 3"]:
    """The renderings on white, 8 bits a channel."""
    images = render_pairs(scenes.models, scenes.cameras, resolution, samples)
    return np.asarray(np.round(255.0 * np.clip(np.asarray(images), 0.0, 1.0)), np.uint8)


def _cameras(generator: np.random.Generator, number: int, framing: Framing) -> Camera:
    names = generator.choice(list(_CENTRES), size=number)
    centres = np.array([generator.choice(_CENTRES[name]) for name in names])
    half = 45.0 - framing.margin
    azimuth = np.mod(centres + generator.uniform(-half, half, number), 360.0)
    elevation = _elevation(generator, number, framing)
    ranges = (framing.distance, framing.fovy)
    rest = (generator.uniform(low, high, number) for low, high in ranges)
    return Camera(*(np.float32(values) for values in (azimuth, elevation, *rest)))


def _elevation(generator: np.random.Generator, number: int, framing: Framing) -> np.ndarray:
    """Uniform over what of the range is not within the margin of where "overhead" begins."""
    low, high = framing.elevation
    borders = (framing.overhead - framing.margin, framing.overhead + framing.margin)
    below, above = np.clip(borders, low, high)
    gap = above - below
    elevation = generator.uniform(low, high - gap, number)
    return np.where(elevation > below, elevation + gap, elevation)
