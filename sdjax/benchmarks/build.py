"""The sections in their order: what each measures of a configuration."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ml_collections import ConfigDict

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
from sdjax.benchmarks.machine import published_peak
from sdjax.benchmarks.method import Method
from sdjax.benchmarks.peer import present
from sdjax.benchmarks.running import Plan
from sdjax.benchmarks.section import Deadline, Event
from sdjax.runs.schema import completed


def sections(config: ConfigDict, config_file: Path) -> dict[str, Plan]:
    """Every section; `config_file` is the same configuration for other processes."""
    folder = config_file.parent / "traces" if config.profile else None
    method = Method(config.method.repeats, config.method.seconds, folder)

    def plan(module, measure: Callable[..., Iterator[Event]], *arguments) -> Plan:
        return Plan(module.TITLE, module.NOTE, partial(measure, config, *arguments))

    return {
        "prediction": _networks(config, "prediction", method),
        "autoencoder": _networks(config, "autoencoder", method),
        "rendering": plan(rendering, _rendering, method),
        "step": plan(step, _steps, method),
        "particles": plan(particles, _particles, method),
        "compilation": plan(compilation, _compilation, config_file),
        "parity": plan(parity, _parity),
        "training": plan(training, _training, config_file.parent),
        "growth": plan(growth, _growth, method),
    }


def training_runs(config: ConfigDict) -> dict[str, ConfigDict]:
    """The training configuration of each run."""
    return {name: completed(run) for name, run in config.runs.to_dict().items()}


def _networks(config: ConfigDict, kind: str, method: Method) -> Plan:
    table = config[kind]
    cases = [
        (kind, model, batch, table.image_size, table.dtype)
        for model in table.models
        for batch in table.batches
    ]
    published = partial(published_peak, table.dtype, config.peak.tflops)
    compile_seconds = config.peer_seconds if present(config.peer) else None
    note = network_tables.NOTES[kind].format(dtype=table.dtype, size=table.image_size)
    return Plan(
        network_tables.TITLES[kind],
        note,
        lambda deadline: network_tables.measure_networks(
            cases, published(), config.peak.matrix, compile_seconds, method, deadline
        ),
    )


def _rendering(config: ConfigDict, method: Method, deadline: Deadline) -> Iterator[Event]:
    name, resolutions = config.rendering.run, config.rendering.resolutions
    run = training_runs(config)[name]
    return rendering.measure_rendering(name, run, resolutions, method, deadline)


def _steps(config: ConfigDict, method: Method, deadline: Deadline) -> Iterator[Event]:
    table, runs = config.step, training_runs(config)
    runs = {name: runs[name] for name in table.runs or runs}
    return step.measure_steps(runs, table.model, table.moments, table.parts, method, deadline)


def _particles(config: ConfigDict, method: Method, deadline: Deadline) -> Iterator[Event]:
    table = config.particles
    variants = [(mapping, devices) for devices in table.devices for mapping in table.mappings]
    run, model = training_runs(config)[table.run], config.step.model
    return particles.measure_particles(
        table.run, run, model, table.counts, variants, table.steps, method, deadline
    )


def _compilation(config: ConfigDict, config_file: Path, deadline: Deadline) -> Iterator[Event]:
    table = config.compilation
    programs = [("prediction", model) for model in table.models]
    programs += [("step", name) for name in table.runs]
    return compilation.measure_compilation(config_file, programs, deadline)


def _parity(config: ConfigDict, deadline: Deadline) -> Iterator[Event]:
    return parity.measure_parity(**config.parity, deadline=deadline)


def _training(config: ConfigDict, folder: Path, deadline: Deadline) -> Iterator[Event]:
    return training.measure_training(**config.training, folder=folder, deadline=deadline)


def _growth(config: ConfigDict, method: Method, deadline: Deadline) -> Iterator[Event]:
    runs, model, table = training_runs(config), config.step.model, config.growth.to_dict()
    return growth.measure_growth(runs, model, method, deadline, **table)
