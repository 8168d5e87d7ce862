"""Several training runs in one configuration, on one prior.

Such a configuration is a training configuration without the tables in which its runs differ,
which stand in `runs`, a table for each.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.config.tables import Schema, is_table, table_in
from sdjax.priors.prior import Prior
from sdjax.runs.build import make_prior, make_recipe
from sdjax.runs.particle import Recipe
from sdjax.runs.schema import SCHEMA, completed, with_tables_of_rule
from sdjax.runs.stages import stages

OWN = ("analysis", "ddim", "runs")  # tables that a training configuration has not
SHARED = ("prompt", "seeds", "first_seed", "prior", "camera")


def side_by_side(configs: Mapping[str, ConfigDict]) -> dict[str, Any]:
    """Training configurations as one: what all have in common, and `runs` with the rest of each.

    The prompt, the seeds, the prior and the camera are those of the first.
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


def schema_of_runs(config: Any) -> Schema:
    """The fields of training that all runs share, and those that each has of its own."""
    runs = table_in(config, "runs")
    own = {
        name: {field: SCHEMA[field] for field in SCHEMA if field in table}
        for name, table in runs.items()
        if is_table(table)
    }
    shared = {field: SCHEMA[field] for field in SCHEMA if field in config or field in SHARED}
    return {**shared, "runs": own}


def with_tables_of_rules(table: Mapping[str, Any]) -> dict[str, Any]:
    """`table` with the annealing and the noise of its rule in each run that names them only in
    part; raises a UserError if it has no runs."""
    if not table_in(table, "runs"):
        raise UserError("config.runs is missing or empty, expected a table for each run.")
    runs = {}
    for name, own in table["runs"].items():
        full = with_tables_of_rule({**table, **own}) if is_table(own) else {}
        runs[name] = {field: full[field] for field in own} if full else own
    return {**table, "runs": runs}


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
