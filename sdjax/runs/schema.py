"""The table of a training configuration, put together from the files that use it."""

import os
from collections.abc import Mapping
from typing import Any

from ml_collections import FrozenConfigDict

from sdjax.config.fields import text, whole
from sdjax.config.finding import find
from sdjax.config.kinds import Choice
from sdjax.config.loading import Overrides, freeze, overridden, pairs, read, rules_of
from sdjax.config.tables import check, complete, is_table, table_in
from sdjax.config.tasks import parts_of
from sdjax.diffusion.annealing import ANNEALING
from sdjax.priors import PRIOR_OF_RUNS
from sdjax.rules import RULES
from sdjax.rules.noise import NOISE, NOISES
from sdjax.rules.rescaling import GRADIENT
from sdjax.runs.loop import CHUNKS
from sdjax.runs.mapping import MAPPING
from sdjax.runs.optimizers import OPTIMIZER
from sdjax.runs.outputs import REPORT
from sdjax.runs.particle import CAMERA
from sdjax.runs.placement import PLACEMENT
from sdjax.runs.processes import PROCESSES
from sdjax.runs.stages import STAGES
from sdjax.scene import SCENES
from sdjax.scene.losses import LOSSES

RULE = Choice(RULES, "dsd", "the guidance rule")
SCENE = Choice(SCENES, "dense_grid", "what a particle is")
SCHEMA = {
    "prompt": text().of("a house", "what to make"),
    "seeds": whole(at_least=1).of(1, "particles"),
    "first_seed": whole(at_least=0).of(0, "the others follow it"),
    "stages": STAGES,
    "prior": PRIOR_OF_RUNS,
    "rule": RULE,
    "annealing": ANNEALING,
    "noise": NOISE,
    "gradient": GRADIENT,
    "camera": CAMERA,
    "scene": SCENE,
    "losses": LOSSES,
    "optimizer": OPTIMIZER,
    "run": {**PLACEMENT, **MAPPING, **CHUNKS, **PROCESSES},
    "report": REPORT,
}
OF_A_RULE = ("rule", "annealing", "noise", "gradient")  # tables that another rule brings its own of


def load_config(source: Any, overrides: Overrides = ()) -> FrozenConfigDict:
    """A complete training configuration; see `sdjax.config.loading.load`.

    With another `rule.name` among the overrides, a task (a file that takes the rule) is asked for
    that rule; any other configuration, and a task that has not the rule, gets the rule's own
    defaults, of its annealing, noise and gradient too.  Raises a UserError for what is not valid.
    """
    changes = pairs(overrides)
    chosen = [str(value) for name, value in changes if name == "rule.name"]
    table = _with_rule(source, chosen[-1]) if chosen else read(source)
    return completed(overridden(with_tables_of_rule(table), changes, SCHEMA))


def completed(table: Mapping[str, Any]) -> FrozenConfigDict:
    """The configuration with the defaults of what it leaves out."""
    return freeze(complete(with_tables_of_rule(table), SCHEMA))


def of_former_version(stored: Mapping[str, Any]) -> FrozenConfigDict:
    """A configuration as it was written with a run, by this version or an earlier one: fields that
    came later have their defaults.

    Before 0.2 the table of the noise had the fields of all kinds of noise, windows of the world map
    began at their corner, and DSD's simulated ODE was called exact.
    """
    table = dict(stored)
    noise, rule = table_in(table, "noise"), table_in(table, "rule")
    if noise.get("name") in list(NOISES):
        own = ("name", *NOISES[noise["name"]].fields)
        table["noise"] = {name: noise[name] for name in own if name in noise}
        if noise["name"] == "world_map" and "window" not in noise:
            table["noise"]["window"] = "corner"
    if rule.get("ode") == "exact":
        table["rule"] = {**rule, "ode": "simulated"}
    return completed(table)


def with_tables_of_rule(table: Mapping[str, Any]) -> dict[str, Any]:
    """`table` with the annealing and the noise of its rule, unless it chooses others."""
    rule = table_in(table, "rule").get("name", RULE.default)
    if rule not in list(RULES):
        return dict(table)
    own = {"annealing": RULES[rule].annealing, "noise": {"name": RULES[rule].noise}}
    given = {name: table_in(table, name) for name in own if is_table(table.get(name, {}))}
    return {
        **table,
        **{name: own[name] | said for name, said in given.items() if "name" not in said},
    }


def _with_rule(source: Any, name: str) -> dict[str, Any]:
    check("rule.name", name, RULE.field)
    rules = rules_of(source) if isinstance(source, str | os.PathLike) else ()
    if name in rules:
        return read(f"{find(source)[0]}:{name}")
    table = parts_of(source).base if rules else read(source)
    if table_in(table, "rule").get("name", RULE.default) == name:
        return table
    rest = {key: value for key, value in table.items() if key not in OF_A_RULE}
    return {**rest, "rule": {"name": name}}
