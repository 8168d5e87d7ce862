"""Train a small Stable Diffusion on captioned renderings, or fine-tune a checkpoint on pictures:
`sdjax train_prior --config=train_prior --workdir=runs/prior`.

The same command again resumes what was interrupted.  The checkpoint is `<workdir>/model`, in the
layout of diffusers.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
from ml_collections import FrozenConfigDict

from sdjax.commands import app
from sdjax.config.errors import UserError
from sdjax.config.loading import Overrides, as_stored, load
from sdjax.config.tables import resolve
from sdjax.files.whole_files import write_json
from sdjax.prior_training import build
from sdjax.prior_training.memory import needs_of_prior_training
from sdjax.prior_training.model import is_written, read_model, write_model
from sdjax.prior_training.samples import reconstructions
from sdjax.prior_training.schema import SCHEMA
from sdjax.prior_training.stages import Place, draw_samples, train_autoencoder, train_diffusion
from sdjax.reports.pictures import save_png
from sdjax.runs.lock import only_run
from sdjax.runs.memory import check_memory
from sdjax.runs.outputs import METRICS, read_metrics
from sdjax.runs.processes import prepare_machine
from sdjax.runs.signals import asking_first
from sdjax.runs.system_errors import explained
from sdjax.runs.workdir import make_folder, open_workdir, refuse_other

MAY_DIFFER = ("run", "report")  # between the parts of a resumed run


def train_prior(config: Any, workdir: str | Path, overrides: Overrides = ()) -> dict[str, Any]:
    """Train the autoencoder, then UNet and text encoder; write `<workdir>/model`.

    Args:
        config: a path, a module with `get_config()`, a ConfigDict or a dict.
        workdir: the run's folder; an interrupted run in it is resumed.
        overrides: fields of the configuration to replace, `{"diffusion.steps": 100}`.

    Returns:
        What `<workdir>/metrics.json` holds: parameters, the autoencoder's PSNR in dB on held-out
        pictures, the last losses and seconds of each stage.

    Raises:
        UserError: one sentence about what was wrong in the configuration or the data.
        InterruptedRunError: after Ctrl-C, SIGTERM or SIGHUP, once it has saved.
    """
    config = load_config(config, overrides)
    _check(config)
    prepare_machine()
    check_memory(needs_of_prior_training(config))
    with only_run(make_folder(workdir)):
        folder = open_workdir(workdir, config, MAY_DIFFER, as_stored(load_config))
        return _train(config, folder)


def load_config(source: Any, overrides: Overrides = ()) -> FrozenConfigDict:
    """A complete configuration of this command; see `sdjax.config.loading.load`."""
    return load(source, overrides, SCHEMA)


def _check(config: Any) -> None:
    """What can be found wrong before anything is written."""
    if config.model.name == "new" and not config.autoencoder.steps:
        raise UserError(
            "config.autoencoder.steps is 0 for a new model, expected at least 1: its autoencoder "
            "has random weights."
        )


def _train(config: Any, folder: Path) -> dict[str, Any]:
    metrics = read_metrics(folder)
    if is_written(folder / "model"):
        model = read_model(folder / "model")
    else:
        model, metrics = _train_stages(config, folder)
    metrics |= _judge(config, model, folder)
    write_json(folder / METRICS, metrics)
    print(f"The checkpoint is {folder / 'model'}; look at {folder / 'samples.png'}.", flush=True)
    return metrics


def _train_stages(config: Any, folder: Path) -> tuple[Any, dict[str, Any]]:
    """The model after both stages, which is written too, and how long they took in this run."""
    tokenizer = build.tokenizer_folder(config, folder)
    model = build.make_model(config, tokenizer)
    source = build.make_source(config, _telling("rendering", config.data.get("pictures")))
    seconds = {}
    check = partial(check_same, config)
    with asking_first() as asked:
        place = Place(folder, config.to_dict(), check, asked)
        for name, train in (("autoencoder", train_autoencoder), ("diffusion", train_diffusion)):
            started = time.perf_counter()
            model = train(config, model, source, place)
            seconds[f"{name}_seconds"] = round(time.perf_counter() - started, 1)
    with explained(f"The model {folder / 'model'}"):
        write_model(model, folder / "model", tokenizer, config.save_dtype)
    return model, seconds


def check_same(config: Any, stored: Any, holder: str) -> None:
    """Raises a UserError for a checkpoint of another run."""
    refuse_other(load_config(stored), config, f"{holder} is of a run with", MAY_DIFFER)


def _judge(config: Any, model: Any, folder: Path) -> dict[str, Any]:
    """Sheets of what the model draws, and the figures that need no classifier."""
    sheet, psnr = reconstructions(model, build.make_held_out(config).values)
    save_png(folder / "reconstructions.png", sheet)
    save_png(folder / "samples.png", draw_samples(config, model))
    sizes = {
        name: sum(leaf.size for leaf in jax.tree.leaves(params))
        for name, params in model.params.items()
    }
    return {"parameters": sizes, "autoencoder_psnr": round(float(psnr.mean()), 2)}


def _telling(what: str, total: int | None) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if done % 4096 == 0 or done == total:
            print(f"{what}  {done}/{total}", flush=True)

    return tell


COMMAND = app.Command(
    "train_prior",
    __doc__,
    main=lambda values: train_prior(values.config, values.workdir, values.config_field),
    define=lambda: app.define_workdir("the run's folder"),
    load=load_config,
    fields=lambda config: dict(resolve(SCHEMA, config)),
)
if __name__ == "__main__":
    app.run(COMMAND)
