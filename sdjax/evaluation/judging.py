"""All figures of what was made for one prompt, by a judge and beside true renderings."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, UInt8

from sdjax.cameras import Camera
from sdjax.evaluation.asked import Asked
from sdjax.evaluation.figures import detail, distance, right_views
from sdjax.objects.prompts import CATEGORIES
from sdjax.objects.variants import COLOURS
from sdjax.prior_training.judging import TELLING
from sdjax.prior_training.scenes import Framing
from sdjax.reports.metrics import diversity, modes_found

Row = dict[str, Any]  # figures by their names
Pictures = UInt8[np.ndarray, "particles views h w 3"]


@runtime_checkable
class Judge(Protocol):
    """Whoever says what pictures show."""

    def answers(self, pictures: UInt8[np.ndarray, "n h w 3"]) -> dict[str, Any]:
        """For each picture an index into the nouns ("object"), the colours ("colour") and
        `sdjax.cameras.OCTANTS` ("direction")."""


class Shown(NamedTuple):
    """Pictures of particles, and the true renderings from the same cameras."""

    pictures: Pictures
    cameras: Camera  # [views]
    bank: UInt8[np.ndarray, "variants views h w 3"]
    objects: Sequence[str]  # of the catalogue, of which the bank has variants


def seen(judge: Judge, pictures: Pictures) -> dict[str, np.ndarray]:
    """The answers [particles, views] about pictures."""
    answers = judge.answers(pictures.reshape(-1, *pictures.shape[2:]))
    return {name: np.asarray(one).reshape(pictures.shape[:2]) for name, one in answers.items()}


def telling(judge: Judge, shown: Shown) -> float:
    """The share of true renderings, from cameras that are not overhead, of which the judge tells
    the direction (`right_views`)."""
    counted, azimuths = _counted(shown.cameras), np.asarray(shown.cameras.azimuth)
    octants = seen(judge, shown.bank)["direction"]
    return float(right_views(octants, azimuths)[:, counted].mean()) if counted.any() else 0.0


def rows_of(judge: Judge, asked: Asked, shown: Shown, tells: bool) -> list[Row]:
    """The figures of each particle, in [0, 1] where nothing else is said:

    confirmed: the share of views in which the judge sees the noun and the colour.
    noun, colour: the shares in which it sees the one, and the other.
    view_agreement: the share of views, those from overhead left out, whose direction by the judge
        is the camera's (`right_views`); None unless it `tells` the directions of true renderings
        (`tells_directions`): views of a tree are alike from all sides.
    distance, object_distance, psnr: to true renderings; each view for itself, and one object behind
        all views (`sdjax.evaluation.figures.distance`), this in decibels too.
    detail: power of fine detail in that of the true renderings; 1 is right, less is blurred; None
        where they have none.
    """
    right, fine = _right(judge, asked, shown), detail(shown.bank)
    counted = _counted(shown.cameras)
    rows = []
    for index, views in enumerate(shown.pictures):
        own = {name: float(right[name][index].mean()) for name in ("confirmed", "noun", "colour")}
        agreement = float(right["direction"][index, counted].mean()) if tells else None
        rows.append({**own, "view_agreement": agreement, **_beside_truth(views, shown, fine)})
    return rows


def _right(
    judge: Judge, asked: Asked, shown: Shown
) -> dict[str, Bool[np.ndarray, "particles views"]]:
    """Which answers are right."""
    answers, azimuths = seen(judge, shown.pictures), np.asarray(shown.cameras.azimuth)
    noun = answers["object"] == list(CATEGORIES).index(asked.noun)
    colour = answers["colour"] == list(COLOURS).index(asked.colour)
    direction = right_views(answers["direction"], azimuths)
    return {"confirmed": noun & colour, "noun": noun, "colour": colour, "direction": direction}


def _beside_truth(views: UInt8[np.ndarray, "views h w 3"], shown: Shown, fine: float) -> Row:
    near = distance(views, shown.bank)
    return {
        "distance": near.of_views,
        "object_distance": near.of_best,
        "psnr": near.psnr,
        "detail": detail(views) / fine if fine else None,
        "object": shown.objects[near.best],
    }


def of_failed(tells: bool) -> Row:
    """The figures of a seed that became infinite or NaN: none of its views shows anything."""
    nothing = {"confirmed": 0.0, "noun": 0.0, "colour": 0.0}
    return {**nothing, "view_agreement": 0.0 if tells else None, "failed": True}


def together(shown: Shown, rows: Sequence[Row]) -> Row:
    """The figures of the particles of one prompt together: how different they are at the same
    cameras (mean over pairs, root mean square in [0, 1]), and how many objects of the catalogue are
    nearest to one of them; None of fewer than two."""
    if len(shown.pictures) < 2:
        return {"diversity": None, "objects": None}
    objects = list(dict.fromkeys(shown.objects))
    nearest = [objects.index(row["object"]) for row in rows if "object" in row]
    spread = diversity(shown.pictures.astype(np.float32) / 255.0)
    return {"diversity": spread, "objects": modes_found(nearest)}


def tells_directions(share: float, least: float = TELLING) -> bool:
    """Whether a judge that tells this share of true renderings is asked about others."""
    return share >= least


def _counted(cameras: Camera) -> Bool[np.ndarray, "views"]:
    """Those whose direction has a word besides "overhead"."""
    return np.asarray(cameras.elevation) <= Framing().overhead
