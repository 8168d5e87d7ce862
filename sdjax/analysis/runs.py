"""Several training runs in one configuration, on one prior.

Such a configuration is a training configuration without the tables in which its runs differ,
which stand in `runs`, a table for each.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.priors.prior import Prior
from sdjax.runs.build import make_prior, make_recipe
from sdjax.runs.particle import Recipe
from sdjax.runs.schema import completed
from sdjax.runs.stages import stages

OWN = ("analysis", "ddim", "runs")  # tables that a training configuration has not
SHARED = ("prompt", "seeds", "first_seed", "prior", "camera", "scene")


def side_by_side(configs: Mapping[str, ConfigDict]) -> dict[str, Any]:
    """Training configurations as one: what all have in common, and `runs` with the rest of each.

    The prompt, the seeds, the prior, the camera and the scene are those of the first.
    """
    tables = {name: config.to_dict() for name, config in configs.items()}
    first = next(iter(tables.values()))
    fields = dict.fromkeys(field for table in tables.values() for field in table)
    differing = {
        field
        for field in fields
        if field == "rule" or any(table.get(field) != first.get(field) for table in tables.values())
    } - set(SHARED)
    runs = {
        name: {field: value for field, value in table.items() if field in differing}
        for name, table in tables.items()
    }
    return {**{k: v for k, v in first.items() if k not in differing}, "runs": runs}


def training_configs(config: ConfigDict) -> dict[str, FrozenConfigDict]:
    """The training configuration of each run."""
    table = config.to_dict()
    common = {field: value for field, value in table.items() if field not in OWN}
    return {name: completed({**common, **own}) for name, own in table["runs"].items()}


def prior_of_runs(configs: Mapping[str, ConfigDict]) -> Prior:
    """The one prior of all runs; the embedded one holds all objects, whatever the rules ask."""
    return make_prior(next(iter(configs.values())), unconditional=True)


def make_recipes(configs: Mapping[str, ConfigDict], prior: Prior) -> dict[str, Recipe]:
    """The recipe of each run's only stage."""
    return {name: make_recipe(config, prior, stages(config)[0]) for name, config in configs.items()}
