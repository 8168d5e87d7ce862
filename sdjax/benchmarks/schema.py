"""The table of a benchmark's configuration, and what it must fulfil besides."""

from typing import Any

import jax
from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.benchmarks import (
    compilation,
    growth,
    network_tables,
    parity,
    particles,
    rendering,
    step,
    training,
)
from sdjax.benchmarks.architectures import architecture
from sdjax.benchmarks.machine import PEAK
from sdjax.benchmarks.method import METHOD
from sdjax.benchmarks.peer import FIELDS as PEER
from sdjax.benchmarks.peer import check_peer, present
from sdjax.config.errors import UserError, did_you_mean
from sdjax.config.fields import flag, number, one_of, optional, several
from sdjax.config.loading import Overrides, load, read
from sdjax.config.tables import Schema, is_table, table_in
from sdjax.rules import RULES
from sdjax.runs.combinations import check_config as check_training
from sdjax.runs.schema import SCHEMA as TRAINING
from sdjax.runs.schema import with_tables_of_rule

TABLES = {
    **network_tables.FIELDS,
    "rendering": rendering.FIELDS,
    "step": step.FIELDS,
    "particles": particles.FIELDS,
    "compilation": compilation.FIELDS,
}
SPEED = tuple(TABLES)  # what is measured where a configuration does not say
TABLES |= {"parity": parity.FIELDS, "training": training.FIELDS, "growth": growth.FIELDS}
SECTIONS = tuple(TABLES)
SCHEMA = {
    "sections": several(one_of(*SECTIONS)).of(
        SPEED, "what is measured, in this order, but compilation first"
    ),
    "minutes": optional(number(above=0)).of(
        None, "that the command may take, from its start; None: as many as it needs"
    ),
    "peer_minutes": number(at_least=0).of(0.0, "that are added with a peer"),
    "shares": {
        name: number(above=0).of(1.0, f"of {name} in the time, beside those of the others")
        for name in SECTIONS
    },
    "method": METHOD,
    **PEER,
    "profile": flag().of(False, "leave traces of `jax.profiler`"),
    "peak": PEAK,
    **TABLES,
}


def load_config(source: Any, overrides: Overrides = ()) -> FrozenConfigDict:
    """A complete configuration of `sdjax.benchmark`; see `sdjax.config.loading.load`."""
    table = read(source)
    if "runs" not in table and "sections" not in table:
        command = "train" if "stages" in table else "sample"
        raise UserError(
            f"The configuration is one of sdjax.{command}, expected one of sdjax.benchmark, as in "
            "configs/benchmark.py."
        )
    if not table_in(table, "runs"):
        raise UserError("config.runs is missing or empty, expected a training table for each run.")
    runs = {
        name: with_tables_of_rule(run) if is_table(run) else run
        for name, run in table["runs"].items()
    }
    table = {**table, "runs": runs}
    return load(table, overrides, schema_of(table))


def schema_of(config: Any) -> Schema:
    """The benchmark's own fields, and those of training for each of its runs."""
    return {**SCHEMA, "runs": dict.fromkeys(config["runs"], TRAINING)}


def check_config(config: ConfigDict) -> None:
    """Raise a UserError for what each field allows but all together do not, before anything is
    measured."""
    _check_runs(config)
    for name in {config.step.model, *config.prediction.models, *config.autoencoder.models}:
        architecture(name)
    if config.peer == "diffusers":
        check_peer()
    if "growth" in config.sections:
        growth.check_growth(config.growth, tuple(config.runs))
    if "training" in config.sections:
        training.check_trainings(config.training)
    if "particles" in config.sections:
        for devices in config.particles.devices:
            _check_devices(devices)


def seconds(config: ConfigDict) -> float:
    """That the whole may take."""
    if config.minutes is None:
        return float("inf")
    return 60.0 * (config.minutes + (config.peer_minutes if present(config.peer) else 0.0))


def _check_devices(devices: int) -> None:
    if devices > jax.device_count():
        raise UserError(
            f"config.particles.devices has {devices}, but there are {jax.device_count()}."
        )


def _check_runs(config: ConfigDict) -> None:
    """They are training configurations, and those that sections name are there."""
    for name, run in config.runs.items():
        check_training(run)
        if run.prior.name not in ("embedded", "stable_diffusion"):
            raise UserError(
                f"config.runs.{name}.prior.name is '{run.prior.name}', expected 'embedded' or "
                "'stable_diffusion': benchmarks have random weights of that alone."
            )
        if RULES[run.rule.name].shares_state:
            raise UserError(
                f"config.runs.{name}.rule.name is '{run.rule.name}', expected a rule whose "
                "particles share nothing: a step of one particle is measured."
            )
    named = {"rendering.run": (config.rendering.run,), "particles.run": (config.particles.run,)}
    named |= {"compilation.runs": config.compilation.runs, "step.runs": config.step.runs or ()}
    for field, names in named.items():
        for name in names:
            if name not in config.runs:
                raise UserError(
                    f"config.{field} names '{name}', expected one of {', '.join(config.runs)}"
                    f"{did_you_mean(name, config.runs)}"
                )
