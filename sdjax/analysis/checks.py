"""The table of a configuration of `sdjax.analyse`, and what it must fulfil besides."""

import re
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.analysis.figures import ANALYSIS
from sdjax.analysis.inverted_noise import tsne_maker
from sdjax.analysis.runs import schema_of_runs, training_configs, with_tables_of_rules
from sdjax.analysis.views import CAMERA, make_objects
from sdjax.config.errors import UserError
from sdjax.config.fields import several, text
from sdjax.config.loading import Overrides, load, read
from sdjax.config.tables import Schema, table_in
from sdjax.objects.prompts import find, prompts
from sdjax.priors import PRIORS
from sdjax.runs import sampling
from sdjax.runs.combinations import check_config as check_training
from sdjax.runs.stages import views_of
from sdjax.scene import SCENES

OWN = {"analysis": ANALYSIS, "ddim": sampling.DDIM}
OF_VIEWS = {
    **OWN,
    "prompts": several(text()).of(prompts(), "whose objects are seen"),
    "resolution": sampling.SCHEMA["resolution"],
    "prior": sampling.SCHEMA["prior"],
    "camera": CAMERA,
}


def load_config(source: Any, overrides: Overrides = ()) -> FrozenConfigDict:
    """A complete configuration of `sdjax.analyse`; see `sdjax.config.loading.load`."""
    table = read(source)
    if "analysis" not in table:
        command = "train" if "stages" in table else "sample"
        raise UserError(
            f"The configuration is one of sdjax.{command}, expected one of sdjax.analyse, as in "
            "configs/analysis."
        )
    if not _is_of_views(table):
        table = with_tables_of_rules(table)
    return load(table, overrides, schema_of(table))


def schema_of(config: Any) -> Schema:
    """The fields of a configuration: those of views of objects, or of its training runs."""
    return OF_VIEWS if _is_of_views(config) else {**OWN, **schema_of_runs(config)}


def check_config(config: ConfigDict) -> None:
    """Raise a UserError for what each field allows but all together do not, before anything is
    computed."""
    if _is_of_views(config):
        _check_views(config)
    else:
        _check_runs(config)


def _is_of_views(config: Any) -> bool:
    return table_in(config, "analysis").get("name") == "inverted_noise"


def _check_runs(config: ConfigDict) -> None:
    if config.analysis.name == "trajectories" and config.seeds != 1:
        raise UserError(
            f"config.seeds is {config.seeds}, expected 1: the trajectories are those of one."
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
    if not SCENES[run.scene.name].is_flat or max(views_of(run)) != 1 or len(run.stages.steps) != 1:
        raise UserError(
            f"config.scene.name is '{run.scene.name}', with {max(views_of(run))} views and "
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
