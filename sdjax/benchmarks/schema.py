"""The table of a benchmark's configuration, and what it must fulfil besides."""

from ml_collections import ConfigDict

from sdjax.benchmarks.architectures import architecture
from sdjax.benchmarks.peer import check_peer
from sdjax.config.errors import UserError, did_you_mean
from sdjax.config.fields import flag, number, one_of, optional, several, text, whole
from sdjax.config.tables import complete
from sdjax.dtypes import DTYPES
from sdjax.rules import RULES
from sdjax.runs.schema import check_config as check_training

SECTIONS = ("prediction", "autoencoder", "rendering", "step", "particles", "compilation")
_NETWORK = {
    "models": several(text()),
    "batches": several(whole(at_least=1)),
    "image_size": whole(at_least=8),
    "dtype": one_of(*DTYPES),
}

SCHEMA = {
    "sections": several(one_of(*SECTIONS)),
    "method": {"repeats": whole(at_least=1), "seconds": number(above=0)},
    "peer": optional(one_of("diffusers")),
    "profile": flag(),
    "peak": {"tflops": optional(number(above=0)), "matrix": whole(at_least=16)},
    "prediction": _NETWORK,
    "autoencoder": _NETWORK,
    "rendering": {"run": text(), "resolutions": several(whole(at_least=1))},
    "step": {"model": text(), "moments": whole(at_least=1)},
    "particles": {
        "run": text(),
        "counts": several(whole(at_least=1)),
        "mappings": several(one_of("map", "vmap")),
        "devices": several(whole(at_least=0)),
        "steps": whole(at_least=1),
    },
    "compilation": {"models": several(text()), "runs": several(text())},
}


def check_config(config: ConfigDict) -> None:
    """Raise a UserError for the first thing that cannot work, before anything is measured."""
    if "sections" not in config:
        command = "train" if "stages" in config else "sample"
        raise UserError(
            f"The configuration is one of sdjax.{command}, expected one of sdjax.benchmark, as in "
            "configs/benchmark.py."
        )
    table = config.to_dict()
    complete({name: value for name, value in table.items() if name != "runs"}, SCHEMA)
    _check_runs(config)
    for name in {config.step.model, *config.prediction.models, *config.autoencoder.models}:
        architecture(name)
    if config.peer:
        check_peer()


def _check_runs(config: ConfigDict) -> None:
    """They are training configurations, and those that sections name are there."""
    if not config.get("runs"):
        raise UserError("config.runs is missing or empty, expected a training table for each run.")
    for name, run in config.runs.items():
        check_training(run)
        if RULES[run.rule.name].shares_state:
            raise UserError(
                f"config.runs.{name}.rule.name is '{run.rule.name}', expected a rule whose "
                "particles share nothing: a step of one particle is measured."
            )
    named = {"rendering.run": (config.rendering.run,), "particles.run": (config.particles.run,)}
    for field, names in {**named, "compilation.runs": config.compilation.runs}.items():
        for name in names:
            if name not in config.runs:
                raise UserError(
                    f"config.{field} names '{name}', expected one of {', '.join(config.runs)}"
                    f"{did_you_mean(name, config.runs)}"
                )
