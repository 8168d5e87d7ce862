"""A picture of all prompts: true objects, what the prior draws, and the seeds, from two sides."""

from collections.abc import Sequence

import numpy as np

from sdjax.evaluation.measured import SHOWN, Measured
from sdjax.evaluation.tables import TITLES
from sdjax.reports.pictures import Pixels, contact_sheet

_BEFORE = ("true", "samples")  # the first particle of each, left of those of the run


def sheet(found: Sequence[Measured]) -> Pixels:
    """A row per prompt with the share of its views that the judge confirms; each particle from the
    front and from behind."""
    seeds = max(len(_seeds(one)) for one in found)
    rows = [_row(one, seeds) for one in found]
    labels = [f"{one.asked.prompt}\n{_confirmed(one):.0%} confirmed" for one in found]
    blank = [""] * (len(SHOWN) - 1)
    heads = [*(TITLES[source] for source in _BEFORE), *map("seed {}".format, range(seeds))]
    columns = [label for head in heads for label in (head, *blank)]
    return contact_sheet(rows, labels, columns, scale=2)


def _row(one: Measured, seeds: int) -> list[np.ndarray]:
    particles = [*(one.views[source][0] for source in _BEFORE), *one.views["run"]]
    white = np.full_like(particles[-1], 255)
    missing = seeds - len(one.views["run"])  # those that became infinite or NaN
    return [view for particle in [*particles, *[white] * missing] for view in particle]


def _seeds(one: Measured) -> list[int]:
    return [row["seed"] for row in one.rows if row["source"] == "run"]


def _confirmed(one: Measured) -> float:
    return float(np.mean([row["confirmed"] for row in one.rows if row["source"] == "run"]))
