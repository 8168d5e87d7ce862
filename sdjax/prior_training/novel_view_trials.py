"""What a Zero-1-to-3 is judged by: pictures of objects that it has not seen, and true other views.

A view is *determined* by a picture if everything that could be in the picture looks the same from
there: of all that the object might be (`drawn_objects.might_be`: the other objects of its noun in
its colours, other roofs, other proportions), what deviates from the picture by at most `ALIKE` at
the picture's camera deviates by at most `AGREE` from the true view at the other.  All other views
are *open*.
"""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, UInt8

from sdjax.cameras import Camera
from sdjax.objects.model import Object, stacked
from sdjax.prior_training.drawn_objects import Drawn, draw_object, might_be
from sdjax.prior_training.novel_view_pairs import Range, Shown
from sdjax.prior_training.object_views import take_views
from sdjax.prior_training.scenes import Framing, Variety

ALIKE = 0.02  # root mean square over a picture in [0, 1]: 34 dB
AGREE = 0.05  # 26 dB
FRONT = 20.0  # degrees of azimuth from within which an object with an open back is shown
CANDIDATES = 32  # rendered for an object, at most


class Trials(NamedTuple):
    """`trials` pictures, each with true views from `targets` other cameras."""

    names: list[str]
    pictures: UInt8[np.ndarray, "trials h w 3"]
    camera: Camera  # [trials]
    truths: UInt8[np.ndarray, "trials targets h w 3"]
    cameras: Camera  # [trials, targets]
    determined: Bool[np.ndarray, "trials targets"]
    possible: list[UInt8[np.ndarray, "objects targets h w 3"]]  # of each, the true one first


def trials_of_objects(
    objects: Sequence[Object],
    number: int,
    resolution: int,
    seed: Sequence[int],
    *,
    azimuths: Sequence[float],
    framing: Framing,
    given: Range,
    variety: Variety,
) -> Trials:
    """`number` objects, noun after noun, seen at an elevation within `given` degrees, and again
    from `azimuths` degrees further around.

    Azimuths of the pictures are uniform, but that of an object with an open back ("facade") is
    within `FRONT` degrees of its front.
    """
    nouns = list(dict.fromkeys(obj.noun for obj in objects))
    generator = np.random.default_rng(list(seed))
    made = []
    for index in range(number):
        own = [obj for obj in objects if obj.noun == nouns[index % len(nouns)]]
        drawn = draw_object(generator, own, variety)
        cameras = _cameras(generator, drawn, azimuths, framing, given)
        made.append(_trial(drawn, might_be(drawn, own, variety), cameras, resolution))
    return _together(made)


def trials_of_views(shown: Shown, number: int) -> Trials:
    """Of a user's pictures: of at most `number` objects a view that may be given, and as many
    others as each object has.  Nobody knows what is determined, so nothing is."""
    objects, given = shown.views.objects, shown.given
    chosen = np.unique(objects)[:number]
    targets = int(min(np.bincount(objects)[chosen])) - 1
    return _together([_own_trial(shown, given, objects, one, targets) for one in chosen.tolist()])


def first(trials: Trials, number: int) -> Trials:
    """At most so many of them."""
    some = [jax.tree.map(lambda leaf: leaf[:number], column) for column in trials[1:-1]]
    return Trials(trials.names[:number], *some, trials.possible[:number])


def alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Root mean square of the difference of uint8 pictures, over [0, 1], of the last three axes."""
    difference = (np.float32(one) - np.float32(other)) / np.float32(255.0)
    return np.sqrt(np.mean(difference**2, axis=(-3, -2, -1)))


def _cameras(generator, drawn: Drawn, azimuths: Sequence[float], framing: Framing, given: Range):
    """[1 + targets]: that of the picture first."""
    reach = FRONT if drawn.obj.noun == "facade" else 180.0
    turns = np.float32([0.0, *azimuths])
    azimuth = np.mod(generator.uniform(-reach, reach) + turns, 360.0)
    elevation, distance, fovy = (
        np.full(turns.shape, generator.uniform(*bounds))
        for bounds in (given, framing.distance, framing.fovy)
    )
    return Camera(*(np.float32(values) for values in (azimuth, elevation, distance, fovy)))


def _trial(drawn: Drawn, candidates: list[Drawn], cameras: Camera, resolution: int) -> Trials:
    padded = (candidates + [drawn] * CANDIDATES)[:CANDIDATES]  # one shape, one compilation
    models = stacked([one.model() for one in padded])
    spread = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (CANDIDATES, len(leaf))), cameras)
    seen = take_views(models, spread, resolution)[: len(candidates)]
    fits = alike(seen[:, 0], seen[:1, 0]) <= ALIKE
    possible = seen[fits, 1:]
    agree = (alike(possible, possible[:1]) <= AGREE).all(0)
    return _one(drawn.name, seen[0], cameras, agree, possible)


def _own_trial(shown: Shown, given, objects, one: int, targets: int) -> Trials:
    (own,) = np.nonzero(objects == one)
    picture = own[given[own]][0]
    order = np.concatenate([[picture], own[own != picture]])[: targets + 1]
    cameras = jax.tree.map(lambda values: values[order], shown.views.cameras)
    pictures, unknown = shown.views.pictures[order], np.zeros(targets, bool)
    return _one(shown.views.names[one], pictures, cameras, unknown, pictures[None, 1:])


def _one(name: str, views: np.ndarray, cameras: Camera, determined, possible) -> Trials:
    """A single trial of its views, that of the picture first."""
    first = jax.tree.map(lambda values: values[:1], cameras)
    rest = jax.tree.map(lambda values: values[None, 1:], cameras)
    return Trials([name], views[:1], first, views[None, 1:], rest, determined[None], [possible])


def _together(made: list[Trials]) -> Trials:
    names, *arrays, possible = zip(*made, strict=True)
    joined = [jax.tree.map(lambda *leaves: np.concatenate(leaves), *column) for column in arrays]
    return Trials([*chain(*names)], *joined, [*chain(*possible)])
