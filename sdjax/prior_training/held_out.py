"""Renderings that training has not seen, and which of them count."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sdjax.cameras import Camera
from sdjax.config.fields import number, whole
from sdjax.prior_training.captions import Words
from sdjax.prior_training.disturbances import disturbed
from sdjax.prior_training.scenes import take_pictures
from sdjax.prior_training.sources import Renderings

_AT_ONCE = 256  # pictures
# where words for azimuths border on each other: the first place and the step, in degrees
_BORDERS = {"view": (45.0, 90.0), "direction": (22.5, 45.0)}
REPORT = {
    "held_out": whole(at_least=1).of(4096, "pictures on which it is judged"),
    "margin": number(at_least=0, at_most=20).of(
        10.0, "degrees; renderings nearer to where the word for a view changes do not count"
    ),
}


class HeldOut(NamedTuple):
    """Renderings, what they show, and whether each counts for a question about the view."""

    pictures: UInt8[np.ndarray, "pictures h w 3"] | Float[np.ndarray, "pictures h w 3"]
    words: Sequence[Words]
    counts: dict[str, Bool[np.ndarray, "pictures"]]


def held_out(renderings: Renderings, number: int, seed: Sequence[int], margin: float) -> HeldOut:
    """`number` renderings, of which those count for "view" and "direction" that are seen from
    `margin` degrees at least away from where the word for it changes."""
    parts = []
    for part in range(-(-number // _AT_ONCE)):
        scenes = renderings.scenes(np.random.default_rng([*seed, part]), _AT_ONCE)
        parts.append((take_pictures(scenes, renderings.resolution), scenes))
    pictures = np.concatenate([pictures for pictures, _ in parts])[:number]
    words = [one for _, scenes in parts for one in scenes.words][:number]
    cameras = jax.tree.map(
        lambda *leaves: np.concatenate(leaves)[:number], *(scenes.cameras for _, scenes in parts)
    )
    counts = {
        name: is_clear(cameras, *border, renderings.framing.overhead, margin)
        for name, border in _BORDERS.items()
    }
    return HeldOut(pictures, words, counts)


def all_disturbed(seen: HeldOut, seed: int) -> HeldOut:
    """The same pictures, `disturbed`."""
    starts = range(0, len(seen.pictures), _AT_ONCE)
    disturb, key = jax.jit(disturbed), jax.random.key(seed)
    changed = [
        disturb(jax.random.fold_in(key, i), jnp.asarray(seen.pictures[i : i + _AT_ONCE]) / 255.0)
        for i in starts
    ]
    return seen._replace(pictures=np.concatenate([np.asarray(part) for part in changed]))


def by_noun(
    hits: Bool[np.ndarray, "pictures"], counts: Bool[np.ndarray, "pictures"], words: Sequence[Words]
) -> dict[str, Any]:
    """The part of hits among the pictures that count: of "all", and of each noun."""
    nouns = np.array([one.noun for one in words])
    parts = {str(noun): _mean(hits[counts & (nouns == noun)]) for noun in np.unique(nouns)}
    return {"all": _mean(hits[counts]), **parts}


def is_clear(
    cameras: Camera, first: float, step: float, overhead: float, margin: float
) -> Bool[np.ndarray, "pictures"]:
    """Whether a view is `margin` degrees away from the borders of azimuth, at `first` + k `step`
    (which do not matter from overhead), and from the elevation `overhead`."""
    azimuth, elevation = np.asarray(cameras.azimuth), np.asarray(cameras.elevation)
    distance = np.abs(np.mod(azimuth - first + step / 2, step) - step / 2)
    is_sideways = (distance >= margin) | (elevation > overhead)
    return is_sideways & (np.abs(elevation - overhead) >= margin)


def _mean(hits: Bool[np.ndarray, "pictures"]) -> float | None:
    """None where there are none."""
    return round(float(hits.mean()), 4) if len(hits) else None
