"""Train particles: `sdjax train --config=demo --workdir=runs/demo`.

The same command again resumes a run that was interrupted, rewrites the pictures of one that is
finished, or extends it where `config.stages` has further steps.  `--config.rule.name=fsd` takes
another rule with its defaults.  Exit code 3: it is done, but not all seeds are.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from sdjax.commands import app
from sdjax.config.loading import Overrides
from sdjax.config.tables import resolve
from sdjax.reports.evaluation import Evaluation
from sdjax.runs import loop, outputs
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.combinations import check_config
from sdjax.runs.evaluate import is_image
from sdjax.runs.failures import without_failures
from sdjax.runs.lock import only_run
from sdjax.runs.memory import check_memory, phases_of_training
from sdjax.runs.placement import usable_devices
from sdjax.runs.population import Population
from sdjax.runs.processes import (
    all_do,
    first_does,
    is_first,
    join_processes,
    prepare_machine,
)
from sdjax.runs.run import Run, open_run
from sdjax.runs.run_folder import CHECKPOINTS, check_same_run, open_run_folder
from sdjax.runs.schema import SCHEMA, load_config
from sdjax.runs.signals import asking_first
from sdjax.runs.watch import Watch
from sdjax.runs.workdir import make_folder, workdir_of

SOME_FAILED = 3  # exit code
TIMING = ("resumed_at", "time_to_first_step", "steps_per_second", "wall_time")


def train(
    config: Any,
    workdir: str | Path,
    overrides: Overrides = (),
    *,
    before: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Run a configuration to its end in `workdir` and write its pictures, meshes and metrics.

    Args:
        config: a path or a name of the package's (`"embedded_2d:dsd"`), a module with
            `get_config()`, a ConfigDict or a dict; what it leaves out has its default.
        workdir: the run's folder; an interrupted run in it is resumed.
        overrides: fields of the configuration to replace, `{"rule.name": ...}`, or texts as on
            the command line.
        before: called when the folder is this run's, by every process, before anything is read
            or written there; what it raises ends the run, and costs the folder nothing.

    Returns:
        The evaluation of the particles; a seed that became infinite or NaN is not among them, but
        in its metrics as "failed".

    Raises:
        UserError: one sentence about what was wrong in the configuration or the folder, or that
            all seeds became infinite or NaN.
        InterruptedRunError: after Ctrl-C, SIGTERM or SIGHUP, once it has saved.
    """
    started, folder = time.perf_counter(), workdir_of(workdir)
    config = load_config(config, overrides)
    check_config(config)
    prepare_machine()
    join_processes(config.run)
    all_do(lambda: _check_machine(config))
    with ExitStack() as lock:
        first_does(lambda: lock.enter_context(only_run(make_folder(folder))))
        before()
        first_does(lambda: open_run_folder(folder, config))
        run = all_do(lambda: open_run(config))
        particles, watch = _train(run, folder, started)
        run, particles, failed = without_failures(run, particles)
        _tell(f"writing pictures{'' if is_image(run) else ', turntables and meshes'}")
        evaluation = outputs.write_outputs(run, particles, folder)
        timing = watch.timing() or _former_timing(folder)
        return outputs.finish(folder, evaluation, timing, failed)


def _check_machine(config: Any) -> None:
    """Raises a UserError where it is too small."""
    usable_devices(config.seeds, config.run.devices, config.run.weight_shards)
    check_memory(*phases_of_training(config), seeds=config.seeds)


def _train(run: Run, folder: Path, started: float) -> tuple[Population, Watch]:
    """The particles after the last step, and what watched them."""
    check = partial(check_same_run, run.config)
    stored = run.config.to_dict()
    with (
        asking_first() as asked,
        Checkpoints(folder / CHECKPOINTS, config=stored, check=check) as checkpoints,
    ):
        step, particles = loop.restore(run, checkpoints)
        watch = Watch(run, folder, step, started)
        if step < run.total_steps:
            _tell(f"resuming after {step} of {run.total_steps} steps" if step else "")
            with watch:
                particles = loop.train(run, checkpoints, step, particles, watch, asked)
    return particles, watch


def _tell(text: str) -> None:
    if text and is_first():
        print(text, flush=True)


def _former_timing(folder: Path) -> dict[str, Any]:
    """What the metrics of a finished run say about its training."""
    former = outputs.read_metrics(folder)
    return {name: former[name] for name in TIMING if name in former}


def _main(values: Any) -> int:
    evaluation = train(values.config, values.workdir, values.config_field)
    return SOME_FAILED if "failed" in evaluation.metrics else 0


COMMAND = app.Command(
    "train",
    __doc__,
    main=_main,
    define=lambda: app.define_workdir("the run's folder"),
    load=load_config,
    fields=lambda config: dict(resolve(SCHEMA, config)),
)
if __name__ == "__main__":
    app.run(COMMAND)
