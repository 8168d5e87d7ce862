"""The sections that a configuration asks for."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ml_collections import ConfigDict

from sdjax.benchmarks.compilation import measure_compilation
from sdjax.benchmarks.machine import measured_peak, published_peak
from sdjax.benchmarks.method import Method
from sdjax.benchmarks.network_tables import Peaks, measure_networks
from sdjax.benchmarks.particles import measure_particles
from sdjax.benchmarks.rendering import measure_rendering
from sdjax.benchmarks.report import Section
from sdjax.benchmarks.step import measure_steps
from sdjax.runs.schema import completed


def sections(config: ConfigDict, config_file: Path) -> dict[str, Callable[[], Section]]:
    """What measures each section; `config_file` is the same configuration for other processes."""
    folder = config_file.parent / "traces" if config.profile else None
    method = Method(config.method.repeats, config.method.seconds, folder)
    return {
        "prediction": partial(_networks, config, "prediction", method),
        "autoencoder": partial(_networks, config, "autoencoder", method),
        "rendering": partial(_rendering, config, method),
        "step": partial(_steps, config, method),
        "particles": partial(_particles, config, method),
        "compilation": partial(_compilation, config, config_file),
    }


def training_runs(config: ConfigDict) -> dict[str, ConfigDict]:
    """The training configuration of each run."""
    return {name: completed(run) for name, run in config.runs.to_dict().items()}


def _networks(config: ConfigDict, kind: str, method: Method) -> Section:
    table, peak = config[kind], config.peak
    cases = [
        (kind, model, batch, table.image_size, table.dtype)
        for model in table.models
        for batch in table.batches
    ]
    measured = measured_peak(peak.matrix, table.dtype, method)
    peaks = Peaks(published_peak(table.dtype, peak.tflops), measured, peak.matrix)
    return measure_networks(cases, peaks, config.peer, method)


def _rendering(config: ConfigDict, method: Method) -> Section:
    name, resolutions = config.rendering.run, config.rendering.resolutions
    return measure_rendering(name, training_runs(config)[name], resolutions, method)


def _steps(config: ConfigDict, method: Method) -> Section:
    return measure_steps(training_runs(config), config.step.model, config.step.moments, method)


def _particles(config: ConfigDict, method: Method) -> Section:
    table = config.particles
    variants = [(mapping, devices) for devices in table.devices for mapping in table.mappings]
    run = training_runs(config)[table.run]
    model = config.step.model
    return measure_particles(table.run, run, model, table.counts, variants, table.steps, method)


def _compilation(config: ConfigDict, config_file: Path) -> Section:
    table = config.compilation
    programs = [("prediction", model) for model in table.models]
    return measure_compilation(config_file, programs + [("step", name) for name in table.runs])
