"""Trajectories as rows of images, a block for each run."""

from collections.abc import Mapping

import jax
import numpy as np

from sdjax.analysis.layout import fitted, stacked, titled
from sdjax.analysis.trajectories import Trajectory
from sdjax.priors.prior import Prior
from sdjax.reports.pictures import Pixels, contact_sheet

ROWS = ("noisy x_t", "one-step\nestimate of x_0", "clean variable")
NOTE = (
    "Time runs from left to right.  The one-step estimate is what the prior expects to come of "
    "x_t;\nsampling, and distillation like it, draws the clean variable to that estimate."
)
WIDTH = 128  # of an image


def decoded(prior: Prior, trajectory: Trajectory) -> Trajectory:
    """The same with images [moments, height, width, 3] in [0, 1] instead of latents."""
    t, *latents = trajectory
    decode = jax.jit(lambda prior, latents: prior.decode(latents))
    return Trajectory(np.asarray(t), *(np.asarray(decode(prior, part)) for part in latents))


def trajectory_picture(
    runs: Mapping[str, Trajectory], notes: Mapping[str, str], title: str
) -> Pixels:
    """A block per run, with its name as title: three rows of images, time from left to right."""
    blocks = [titled(_block(run), name, notes[name]) for name, run in runs.items()]
    return titled(stacked(blocks), title, NOTE)


def _block(run: Trajectory) -> Pixels:
    t, *rows = run
    labels = [f"t = {int(moment)}" for moment in t]
    images = [[fitted(image, WIDTH) for image in row] for row in rows]
    return contact_sheet(images, ROWS, labels)
