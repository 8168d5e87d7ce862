"""How often a judge is right about renderings that it has not seen, noun by noun."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sdjax.cameras import Camera
from sdjax.prior_training.captions import Words
from sdjax.prior_training.classifier import NO_ANSWER, QUESTIONS, Judge, labels
from sdjax.prior_training.disturbances import disturbed
from sdjax.prior_training.scenes import take_pictures
from sdjax.prior_training.sources import Renderings

_AT_ONCE = 256  # pictures
_BINS = 15  # of the calibration error
# the azimuths that border on each other's words, and how far apart they are, in degrees
_BORDERS = {"view": (45.0, 90.0), "direction": (22.5, 45.0)}
Masks = dict[str, Bool[np.ndarray, "pictures"]]


class HeldOut(NamedTuple):
    """Renderings, what they show and from where; `counts` says which count for a question."""

    pictures: UInt8[np.ndarray, "pictures h w 3"]
    words: Sequence[Words]
    counts: Masks


def held_out(renderings: Renderings, number: int, seed: Sequence[int], margin: float) -> HeldOut:
    """`number` renderings, of which those count for a question about the view that are seen from
    `margin` degrees at least away from where the answer changes."""
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
        name: _is_clear(cameras, *border, renderings.framing.overhead, margin)
        for name, border in _BORDERS.items()
    }
    return HeldOut(pictures, words, counts)


def figures(judge: Judge, seen: HeldOut, seed: int) -> dict[str, Any]:
    """`accuracy` on the renderings as they are, and on `disturbed` ones."""
    keys = jax.random.split(jax.random.key(seed), -(-len(seen.pictures) // _AT_ONCE))
    starts = range(0, len(seen.pictures), _AT_ONCE)
    disturb = jax.jit(lambda key, given: disturbed(key, given / 255.0))
    changed = np.concatenate(
        [
            np.asarray(disturb(key, jnp.asarray(seen.pictures[i : i + _AT_ONCE])))
            for key, i in zip(keys, starts, strict=True)
        ]
    )
    return {
        "real": accuracy(judge, seen),
        "disturbed": accuracy(judge, seen._replace(pictures=changed)),
    }


def accuracy(judge: Judge, seen: HeldOut) -> dict[str, Any]:
    """For each question the part of right answers: of "all", of each noun, and the calibration
    "error" (of all)."""
    given, right = judge.probabilities(seen.pictures), labels(seen.words)
    nouns = np.array([one.noun for one in seen.words])
    told = {}
    for name in QUESTIONS:
        counts = seen.counts.get(name, True) & (right[name] != NO_ANSWER)
        hits = given[name].argmax(-1) == right[name]
        told[name] = {
            "all": _mean(hits[counts]),
            **{str(noun): _mean(hits[counts & (nouns == noun)]) for noun in np.unique(nouns)},
            "error": _calibration_error(given[name][counts].max(-1), hits[counts]),
        }
    return told


def _calibration_error(
    confidence: Float[np.ndarray, "n"], is_right: Bool[np.ndarray, "n"]
) -> float:
    """sum over bins of the confidence of n_b / n |mean confidence - mean of right answers| (Guo et
    al., arXiv 1706.04599, eq. 3)."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [np.sum(confidence[bins == b] - is_right[bins == b]) for b in range(_BINS)]
    return round(float(np.abs(gaps).sum() / max(1, len(bins))), 4)


def _mean(hits: Bool[np.ndarray, "n"]) -> float | None:
    """None where there are none."""
    return round(float(hits.mean()), 4) if len(hits) else None


def _is_clear(
    cameras: Camera, first: float, step: float, overhead: float, margin: float
) -> Bool[np.ndarray, "pictures"]:
    """Whether a view is `margin` degrees away from the borders of azimuth, at `first` + k `step`
    (which do not matter from overhead), and from the elevation `overhead`."""
    azimuth = np.abs(np.mod(np.asarray(cameras.azimuth) - first + step / 2, step) - step / 2)
    elevation = np.asarray(cameras.elevation)
    is_sideways = (azimuth >= margin) | (elevation > overhead)
    return is_sideways & (np.abs(elevation - overhead) >= margin)
