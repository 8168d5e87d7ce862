"""Train a small diffusion model on captioned renderings, or fine-tune one on pictures:
`sdjax train_prior --config=train_prior --workdir=runs/prior`.

The same command again resumes what was interrupted.  The checkpoint is `<workdir>/model`, in the
layout of diffusers.
"""

import time
from functools import partial
from pathlib import Path
from typing import Any

from ml_collections import FrozenConfigDict

from sdjax.commands import app
from sdjax.config.loading import Overrides, as_stored, load
from sdjax.config.tables import resolve
from sdjax.files.whole_files import write_json
from sdjax.prior_training.kind import Training
from sdjax.prior_training.kinds import KINDS
from sdjax.prior_training.memory import needs_of_prior_training
from sdjax.prior_training.place import Place
from sdjax.prior_training.schema import schema_of
from sdjax.runs.lock import only_run
from sdjax.runs.memory import check_memory
from sdjax.runs.outputs import METRICS, read_metrics
from sdjax.runs.processes import prepare_machine
from sdjax.runs.signals import asking_first
from sdjax.runs.system_errors import explained
from sdjax.runs.workdir import make_folder, open_workdir, refuse_other

MAY_DIFFER = ("run", "report")  # between the parts of a resumed run


def train_prior(config: Any, workdir: str | Path, overrides: Overrides = ()) -> dict[str, Any]:
    """Train what `config.trains` says, stage by stage, and write `<workdir>/model`.

    Args:
        config: a path, a module with `get_config()`, a ConfigDict or a dict.
        workdir: the run's folder; an interrupted run in it is resumed.
        overrides: fields of the configuration to replace, `{"diffusion.steps": 100}`.

    Returns:
        What `<workdir>/metrics.json` holds: the figures of this kind of model, and the seconds of
        each stage.

    Raises:
        UserError: one sentence about what was wrong in the configuration or the data.
        InterruptedRunError: after Ctrl-C, SIGTERM or SIGHUP, once it has saved.
    """
    config = load_config(config, overrides)
    KINDS[config.trains].check(config)
    prepare_machine()
    check_memory(needs_of_prior_training(config))
    with only_run(make_folder(workdir)):
        folder = open_workdir(workdir, config, MAY_DIFFER, as_stored(load_config))
        return _train(config, folder)


def load_config(source: Any, overrides: Overrides = ()) -> FrozenConfigDict:
    """A complete configuration of this command; see `sdjax.config.loading.load`."""
    return load(source, overrides, schema_of(source, overrides))


def _train(config: Any, folder: Path) -> dict[str, Any]:
    metrics, training = read_metrics(folder), KINDS[config.trains].begin(config, folder, _tell)
    model = training.model
    if not training.is_done:
        model, metrics = _train_stages(config, folder, training)
    metrics |= training.judge(model, folder)
    write_json(folder / METRICS, metrics)
    print(f"The checkpoint is {folder / 'model'}; look at the pictures in {folder}.", flush=True)
    return metrics


def _train_stages(config: Any, folder: Path, training: Training) -> tuple[Any, dict[str, Any]]:
    """The model after all stages, which is written too, and how long they took in this run."""
    model, seconds = training.model, {}
    with asking_first() as asked:
        place = Place(folder, config.to_dict(), partial(check_same, config), asked)
        for name, train in training.stages.items():
            started = time.perf_counter()
            model = train(model, place)
            seconds[f"{name}_seconds"] = round(time.perf_counter() - started, 1)
    with explained(f"The model {folder / 'model'}"):
        training.write(model, folder / "model", config.save_dtype)
    return model, seconds


def check_same(config: Any, stored: Any, holder: str) -> None:
    """Raises a UserError for a checkpoint of another run."""
    refuse_other(load_config(stored), config, f"{holder} is of a run with", MAY_DIFFER)


def _tell(what: str, done: int, total: int) -> None:
    if done % 4096 == 0 or done == total:
        print(f"{what}  {done}/{total}", flush=True)


COMMAND = app.Command(
    "train_prior",
    __doc__,
    main=lambda values: train_prior(values.config, values.workdir, values.config_field),
    define=lambda: app.define_workdir("the run's folder"),
    load=load_config,
    fields=lambda config: dict(resolve(schema_of(config), config)),
)
if __name__ == "__main__":
    app.run(COMMAND)
