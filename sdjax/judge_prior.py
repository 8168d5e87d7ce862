"""Measure how well a Stable Diffusion checkpoint draws the package's objects:
`sdjax judge_prior --config=judge_prior --workdir=runs/judge`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import FrozenConfigDict

from sdjax.commands import app
from sdjax.config.kinds import made
from sdjax.config.loading import Overrides, as_stored, load
from sdjax.config.tables import resolve
from sdjax.files.whole_files import write_json
from sdjax.prior_training import judgement
from sdjax.prior_training.judging_schema import SCHEMA
from sdjax.prior_training.memory import needs_of_judging
from sdjax.priors import PRIORS
from sdjax.priors.kind import Wanted
from sdjax.runs.memory import check_memory
from sdjax.runs.processes import prepare_machine
from sdjax.runs.workdir import open_workdir


def judge_prior(config: Any, workdir: str | Path, overrides: Overrides = ()) -> dict[str, Any]:
    """Ask for pictures by captions and compare what a classifier sees in them with the words.

    The classifier (`sdjax.prior_training.classifier`) is trained on renderings first; how often it
    is right about others, and about others through the checkpoint's autoencoder, is measured too.

    Args:
        config: a path, a module with `get_config()`, a ConfigDict or a dict.
        workdir: the folder for `drawn.png` and `metrics.json`.
        overrides: fields of the configuration to replace, `{"guidance_scale": 7.5}`.

    Returns:
        What `metrics.json` holds: accuracies for pictures "drawn", "real" and "decoded", the
        autoencoder's PSNR in dB, and the spread of one caption's pictures over seeds.

    Raises:
        UserError: one sentence about what was wrong in the configuration or the checkpoint.
    """
    config = load_config(config, overrides)
    PRIORS[config.prior.name].check(config.prior, "")
    prepare_machine()
    check_memory(needs_of_judging(config))
    folder = open_workdir(workdir, config, former=as_stored(load_config))
    metrics = _measure(config, folder)
    write_json(folder / "metrics.json", metrics)
    print(_summary(metrics), f"Look at {folder / 'drawn.png'}.", sep="\n", flush=True)
    return metrics


def load_config(source: Any, overrides: Overrides = ()) -> FrozenConfigDict:
    """A complete configuration of this command; see `sdjax.config.loading.load`."""
    return load(source, overrides, SCHEMA)


def _measure(config: Any, folder: Path) -> dict[str, Any]:
    prior = made(PRIORS, config.prior, wanted=Wanted("", resolution=None, looking=None))
    render = judgement.make_renderer(config, prior.image_size)
    print("training the classifier", flush=True)
    judge = judgement.make_judge(config, render)
    print("drawing", flush=True)
    return judgement.measure(config, prior, judge, render, folder)


def _summary(metrics: Mapping[str, Any]) -> str:
    parts = [f"{name} {metrics['drawn'][name]:.1%}" for name in ("object", "colour")]
    view = metrics["view"]
    seen = f", view {view['drawn']:.1%} of {', '.join(view['nouns'])}" if view["nouns"] else ""
    return f"Right: {', '.join(parts)}{seen}; autoencoder {metrics['autoencoder_psnr']:.1f} dB."


COMMAND = app.Command(
    "judge_prior",
    __doc__,
    main=lambda values: judge_prior(values.config, values.workdir, values.config_field),
    define=lambda: app.define_workdir("the folder for the figures"),
    load=load_config,
    fields=lambda config: dict(resolve(SCHEMA, config)),
)
if __name__ == "__main__":
    app.run(COMMAND)
