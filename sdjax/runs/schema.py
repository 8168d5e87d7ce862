"""The table of a training configuration, put together from the files that use it."""

import itertools
import os
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.config.errors import UserError
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
from sdjax.runs.processes import PROCESSES, check_processes
from sdjax.runs.stages import STAGES, check_stages
from sdjax.scene import SCENES
from sdjax.scene.regularisers import LOSSES, REGULARISERS

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

    Before 0.2 the table of the noise had the fields of all kinds of noise.
    """
    table = dict(stored)
    noise = table_in(table, "noise")
    if noise.get("name") in list(NOISES):
        own = ("name", *NOISES[noise["name"]].fields)
        table["noise"] = {name: noise[name] for name in own if name in noise}
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


def check_config(config: ConfigDict) -> None:
    """Raise a UserError for what each field allows but all together do not, before anything is
    computed."""
    prior, rule = PRIOR_OF_RUNS.kinds[config.prior.name], RULES[config.rule.name]
    prior.check(config.prior, config.prompt)
    prior.check_run(config)
    check_stages(config)
    _check_annealing(config)
    _check_noise(config)
    _check_losses(config)
    _check_rule(config)
    rule.check(config)
    _check_latents(config)
    check_processes(config.run)
    if config.run.weight_shards > 1 and not prior.has_network:
        raise UserError(
            f"config.run.weight_shards is {config.run.weight_shards}, expected 1 where "
            f"config.prior.name is '{prior.name}': it has no network whose weights could be cut."
        )


def _check_annealing(config: ConfigDict) -> None:
    table = config.annealing
    if table.name == "piecewise":
        ascending = all(a < b for a, b in itertools.pairwise(table.steps))
        if not ascending or len(table.steps) != len(table.t):
            raise UserError(
                f"config.annealing.steps is {table.steps} and config.annealing.t is {table.t}, "
                "expected ascending steps, and as many of each."
            )
        return
    for low, high in zip(_ends(table.t_min), _ends(table.t_max), strict=True):
        if low > high:
            raise UserError(
                f"config.annealing.t_min is {table.t_min}, expected at most "
                f"config.annealing.t_max, which is {table.t_max}."
            )


def _ends(value: Any) -> tuple[float, float]:
    """A number twice, or the first and the last value of a ramp."""
    if not isinstance(value, tuple):
        return value, value
    return (value[0], value[0]) if len(value) == 1 else value[1:3]


def _check_noise(config: ConfigDict) -> None:
    rule, name = RULES[config.rule.name], config.noise.name
    if rule.is_noise_free and name != "none":
        raise UserError(
            f"config.noise.name is '{name}', expected 'none' where config.rule.name is "
            f"'{rule.name}', which draws no noise."
        )
    if not rule.is_noise_free and name == "none":
        raise UserError(
            f"config.noise.name is 'none', expected 'gaussian' or another noise where "
            f"config.rule.name is '{rule.name}'."
        )
    if name == "surface" and SCENES[config.scene.name].is_flat:
        raise UserError(
            "config.noise.name is 'surface', expected 'fixed' or 'world_map' where "
            f"config.scene.name is '{config.scene.name}': there is no surface."
        )


def _check_losses(config: ConfigDict) -> None:
    used = [name for name in REGULARISERS if config.losses[name]]
    if used and SCENES[config.scene.name].is_flat:
        raise UserError(
            f"config.losses.{used[0]} is {config.losses[used[0]]}, expected 0 where "
            f"config.scene.name is '{config.scene.name}': an image has no shape."
        )
    for name, resolution in itertools.product(used, config.stages.resolution):
        if resolution % REGULARISERS[name].divides:
            raise UserError(
                f"config.stages.resolution has {resolution}, expected multiples of "
                f"{REGULARISERS[name].divides} where config.losses.{name} is not 0."
            )


def _check_rule(config: ConfigDict) -> None:
    rule, prior = RULES[config.rule.name], PRIOR_OF_RUNS.kinds[config.prior.name]
    if rule.needs_network and not prior.has_network:
        raise UserError(
            f"config.rule.name is '{rule.name}', which adapts the prior's network; expected "
            f"another rule (for 'vsd' it is 'exact_vsd') where config.prior.name is "
            f"'{prior.name}', which has none."
        )
    one_image = len(set(config.stages.resolution)) == config.camera.views == 1
    if rule.needs_one_image and not (one_image and SCENES[config.scene.name].is_flat):
        raise UserError(
            f"config.rule.name is '{rule.name}', which samples one image; expected "
            "config.scene.name 'image' or 'latents', one resolution and one view; for objects take "
            "'dsd'."
        )


def _check_latents(config: ConfigDict) -> None:
    is_latents = config.scene.name == "latents"
    if is_latents and config.rule.get("image_weight"):
        raise UserError(
            f"config.rule.image_weight is {config.rule.image_weight}, expected 0 where "
            "config.scene.name is 'latents': there is no image."
        )
    if is_latents and len(set(config.stages.resolution)) > 1:
        raise UserError(
            f"config.stages.resolution is {config.stages.resolution}, expected one resolution "
            "where config.scene.name is 'latents': they have one size."
        )
