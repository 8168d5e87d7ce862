"""What the configuration of an analysis must fulfil, as far as it can be told at once."""

import re
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.analysis.build import ANALYSIS
from sdjax.analysis.inverted_noise import tsne_maker
from sdjax.analysis.runs import training_configs
from sdjax.analysis.views import make_objects
from sdjax.config.errors import UserError
from sdjax.config.fields import several, text
from sdjax.config.loading import Overrides, load, read
from sdjax.config.tables import complete, table_in
from sdjax.objects.prompts import find
from sdjax.priors import PRIORS
from sdjax.runs import sampling
from sdjax.runs.schema import check_config as check_training
from sdjax.scene import SCENES

OF_RUNS = {"analysis": ANALYSIS, "ddim": sampling.DDIM}  # beside those of a training configuration
OF_VIEWS = {
    **OF_RUNS,
    "prompts": several(text()),
    **{name: sampling.SCHEMA[name] for name in ("resolution", "prior", "camera")},
}


def load_config(source: Any, overrides: Overrides = ()) -> FrozenConfigDict:
    """A complete configuration of `sdjax.analyse`; see `sdjax.config.loading.load`."""
    table = read(source)
    of_views = table_in(table, "analysis").get("name") == "inverted_noise"
    return load(table, overrides, OF_VIEWS if of_views else None)


def check_config(config: ConfigDict) -> None:
    """Raise a UserError for the first thing that cannot work, before anything is computed."""
    if "analysis" not in config:
        command = "train" if "stages" in config else "sample"
        raise UserError(
            f"The configuration is one of sdjax.{command}, expected one of sdjax.analyse, as in "
            "configs/analysis."
        )
    if config.analysis.get("name") == "inverted_noise":
        _check_views(config)
    else:
        _check_runs(config)


def _check_runs(config: ConfigDict) -> None:
    table = config.to_dict()
    complete({name: table[name] for name in OF_RUNS if name in table}, OF_RUNS)
    if not config.get("runs"):
        raise UserError("config.runs is missing or empty, expected a table for each run.")
    if config.analysis.name == "trajectories" and config.get("seeds") != 1:
        raise UserError(
            f"config.seeds is {config.get('seeds')}, expected 1: the trajectories are those of one."
        )
    for name, run in training_configs(config).items():
        try:
            check_training(run)
            _check_flat(run)
        except UserError as error:
            own = "|".join(config.runs[name])
            inside = lambda match, name=name: f"config.runs.{name}.{match[1]}"  # noqa: E731
            raise UserError(re.sub(rf"\bconfig\.({own})\b", inside, str(error))) from error


def _check_flat(run: ConfigDict) -> None:
    if not SCENES[run.scene.name].is_flat or run.camera.views != 1 or len(run.stages.steps) != 1:
        raise UserError(
            f"config.scene.name is '{run.scene.name}', with {run.camera.views} views and "
            f"{len(run.stages.steps)} stages; expected 'image' or 'latents', one of each."
        )


def _check_views(config: ConfigDict) -> None:
    """Its objects are procedural ones whatever the prior."""
    for prompt in config.prompts:
        PRIORS[config.prior.name].check(config.prior, prompt)
        find(prompt)
    objects, views = len(make_objects(config)), len(config.camera.azimuths)
    if objects < 2 or views < 2:
        raise UserError(
            f"config.prompts name {objects} objects and config.camera.azimuths {views} views, "
            "expected 2 of each at least."
        )
    if config.analysis.perplexity >= objects * views:
        raise UserError(
            f"config.analysis.perplexity is {config.analysis.perplexity}, expected less than the "
            f"{objects * views} views of all objects."
        )
    tsne_maker()
