"""Contact sheets of an evaluation: particles beside the true objects."""

import numpy as np

from sdjax.reports.evaluation import Evaluation
from sdjax.reports.pictures import Pixels, contact_sheet

SHOWN_VIEWS = 4  # of a particle with many
IMAGES_PER_ROW = 8


def sheet(evaluation: Evaluation) -> Pixels:
    """Particles with one view: `image_sheet`; with several: `object_sheet`."""
    one_view = evaluation.views.shape[1] == 1
    return image_sheet(evaluation) if one_view else object_sheet(evaluation)


def image_sheet(evaluation: Evaluation) -> Pixels:
    """The first view of the true objects, if any, in the first row, then of the particles in the
    order of their seeds."""
    truths, images = evaluation.truths[:, 0], evaluation.views[:, 0]
    starts = range(0, len(images), IMAGES_PER_ROW)
    rows = [images[i : i + IMAGES_PER_ROW] for i in starts]
    seeds = [row["seed"] for row in evaluation.metrics["seeds"]]
    labels = [f"seed {seeds[i]}..." for i in starts]
    if len(truths):
        rows, labels = [truths[:IMAGES_PER_ROW], *rows], ["true objects", *labels]
    return contact_sheet([list(row) for row in rows], labels)


def object_sheet(evaluation: Evaluation) -> Pixels:
    """A row per seed: some views of the particle and, right of them, of its nearest object."""
    number = evaluation.views.shape[1]
    shown = np.linspace(0, number, min(SHOWN_VIEWS, number), endpoint=False).astype(int)
    if evaluation.nearest is None:
        labels = [f"seed {row['seed']}" for row in evaluation.metrics["seeds"]]
        return contact_sheet([list(particle[shown]) for particle in evaluation.views], labels)
    rows = [
        [*particle[shown], *evaluation.truths[nearest][shown]]
        for particle, nearest in zip(evaluation.views, evaluation.nearest, strict=True)
    ]
    labels = [f"seed {row['seed']}\n{row['psnr']:.1f} dB" for row in evaluation.metrics["seeds"]]
    blank = [""] * (len(shown) - 1)
    return contact_sheet(rows, labels, ["particle", *blank, "nearest true object", *blank], scale=2)
