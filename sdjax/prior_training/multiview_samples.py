"""What a MVDream in training draws: four views for each prompt and seed."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.cameras import Camera
from sdjax.config.fields import number, several, text, whole
from sdjax.prior_training.model import Model
from sdjax.prior_training.multiview_sources import VIEWS
from sdjax.prior_training.samples import PROMPTS, draw, embed, prior_fields
from sdjax.priors.multiview import MVDreamPrior
from sdjax.priors.mvdream import WITHOUT_DIRECTIONS
from sdjax.reports.pictures import Pixels, contact_sheet
from sdjax.rigs import rig
from sdjax.runs.sampling import DDIM, Sampling
from sdjax.text.conditioning import condition

REPORT = {
    "prompts": several(text()).of(PROMPTS, "rows of the sheet of samples"),
    "seeds": whole(at_least=1).of(3, "of each prompt, four views each"),
    "azimuth": number().of(0.0, "of the first view, degrees"),
    "elevation": number(at_least=-90, at_most=90).of(15.0, "of all views, degrees"),
    "guidance_scale": DDIM["guidance_scale"].of(3.0),
    "steps": DDIM["steps"].of(25),
}


def draw_samples(config: Any, model: Model) -> Pixels:
    """The sheet that the config's `report` describes."""
    report = config.report
    sampling = Sampling(report.guidance_scale, report.steps)
    cameras = four_cameras(report.azimuth, report.elevation)
    return views_sheet(model, report.prompts, report.seeds, cameras, sampling)


def four_cameras(azimuth: float, elevation: float) -> Camera:
    """A rig at a usual distance, of which the network is not told."""
    first = Camera(*(jnp.asarray(value, jnp.float32) for value in (azimuth, elevation, 3.2, 40.0)))
    return rig(first, VIEWS)


def views_sheet(
    model: Model, prompts: Sequence[str], seeds: int, cameras: Camera, sampling: Sampling
) -> Pixels:
    """A row per prompt: for each seed its four views."""
    prior = views_prior(model)
    conditioned = [condition(one, prior.prompting, partial(embed, model)) for one in prompts]
    conditionings = jax.tree.map(lambda *leaves: jnp.stack(leaves), *conditioned)
    images = np.asarray(draw(prior, conditionings, cameras, jnp.arange(seeds), sampling))
    rows = [list(row.reshape(-1, *row.shape[2:])) for row in images]
    azimuths = np.asarray(cameras.azimuth).tolist()
    labels = [f"{azimuth:g}\nseed {seed}" for seed in range(seeds) for azimuth in azimuths]
    return contact_sheet(rows, list(prompts), labels)


def views_prior(model: Model) -> MVDreamPrior:
    """The prior that the model is, in float32."""
    fields = prior_fields(model)
    together = fields["unet"].clone(frames=VIEWS)
    return MVDreamPrior(
        **{**fields, "unet": together}, prompting=WITHOUT_DIRECTIONS, views_together=VIEWS
    )
