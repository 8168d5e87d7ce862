"""Figures of views that a prior draws together: whether they show one object, from its sides."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from sdjax.evaluation.asked import Asked
from sdjax.evaluation.figures import nearest
from sdjax.evaluation.intervals import mean_of
from sdjax.evaluation.judging import Judge, Row, Shown, rows_of, seen
from sdjax.objects.prompts import CATEGORIES
from sdjax.objects.variants import COLOURS

FIGURES = (
    "named",
    "ordered",
    "one_object",
    "confirmed",
    "view_agreement",
    "distance",
    "object_distance",
    "psnr",
)
_OCTANTS_OF_A_TURN = 8


def scene_rows(judge: Judge, asked: Asked, shown: Shown, tells: bool) -> list[Row]:
    """The figures of each scene of `shown`, whose views go around the object by even steps: those
    of `rows_of`, and, each 0 or 1:

    named: whether the judge sees the noun and the colour in all views.
    ordered: whether the directions that it tells go around as the views do (`in_order`); None
        unless it `tells` those of true renderings.
    one_object: whether the true renderings nearest to each view, in noun and colour asked for, are
        of one object of the catalogue.
    """
    answers = seen(judge, shown.pictures)
    noun = answers["object"] == list(CATEGORIES).index(asked.noun)
    colour = answers["colour"] == list(COLOURS).index(asked.colour)
    named, ordered = (noun & colour).all(1), in_order(answers["direction"])
    return [
        {
            **row,
            "named": float(named[index]),
            "ordered": float(ordered[index]) if tells else None,
            "one_object": float(_of_one_object(shown, index)),
        }
        for index, row in enumerate(rows_of(judge, asked, shown, tells))
    ]


def in_order(octants: Int[np.ndarray, "scenes views"]) -> Bool[np.ndarray, "scenes"]:
    """Whether octant k of a scene is k turns of 360 / views degrees beside its first, whichever
    that is; views are 2, 4 or 8."""
    views = octants.shape[1]
    turns = np.arange(views) * (_OCTANTS_OF_A_TURN // views)
    return ((octants - octants[:, :1] - turns) % _OCTANTS_OF_A_TURN == 0).all(1)


def means_of(rows: Sequence[Row]) -> dict[str, Any]:
    """Of each figure the mean over scenes with its interval (`mean_of`)."""
    means = {name: mean_of(row[name] for row in rows) for name in FIGURES}
    return {name: None if mean is None else mean._asdict() for name, mean in means.items()}


def _of_one_object(shown: Shown, scene: int) -> bool:
    return len({shown.objects[k] for k in nearest(shown.pictures[scene], shown.bank)}) == 1
