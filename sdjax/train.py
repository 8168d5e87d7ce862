"""Train particles: `python -m sdjax.train --config=configs/demo.py --workdir=runs/demo`.

The same command again resumes a run that was interrupted, or rewrites the pictures of one that
is finished.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from sdjax.commands import app
from sdjax.config.errors import UserError, user_errors
from sdjax.config.loading import load_config
from sdjax.config.training_checks import check_config
from sdjax.runs.joining import join_processes
from sdjax.runs.machine import prepare_machine
from sdjax.runs.workdir import open_workdir

MAY_DIFFER = ("run", "report")  # between the parts of a resumed run
TIMING = ("resumed_at", "time_to_first_step", "steps_per_second", "wall_time")


def train(config: Any, workdir: str | Path, overrides: Mapping[str, Any] | None = None) -> Any:
    """Run a configuration to its end in `workdir` and write its pictures, meshes and metrics.

    Args:
        config: a path, a module with `get_config()`, a ConfigDict or a dict.
        workdir: the run's folder; an interrupted run in it is resumed.
        overrides: fields of the configuration to replace, `{"rule.name": ...}`.

    Returns:
        The `sdjax.reports.evaluation.Evaluation` of the particles.

    Raises:
        UserError: one sentence about what was wrong in the configuration or the folder, or the
            loss that is not finite.
    """
    started = time.perf_counter()
    config = load_config(config, overrides or {})
    check_config(config)
    prepare_machine()
    join_processes(config.run)
    folder = _open(workdir, config)
    from sdjax.runs import evaluate, outputs
    from sdjax.runs.run import open_run

    with user_errors():
        opened = open_run(config)
    particles, watch = _train(opened, folder, started)
    also = "" if evaluate.is_image(opened) else ", turntables and meshes"
    _tell(f"writing pictures{also}")
    evaluation = outputs.write_outputs(opened, particles, folder)
    return outputs.finish(folder, evaluation, watch.timing() or _former_timing(folder))


def _open(workdir: str | Path, config: Any) -> Path:
    """The run's folder, which nothing changes if the devices do not suffice."""
    from sdjax.runs.placement import usable_devices
    from sdjax.runs.processes import first_does

    with user_errors():
        usable_devices(config.seeds, config.run.devices, config.run.weight_shards)
        first_does(lambda: open_workdir(workdir, config, MAY_DIFFER))
    return Path(workdir)


def _tell(text: str) -> None:
    from sdjax.runs.processes import is_first

    if is_first():
        print(text, flush=True)


def _train(run: Any, folder: Path, started: float) -> tuple[Any, "Watch"]:
    """The particles at the end of the run, from its newest checkpoint on, and what was seen."""
    from sdjax.runs import loop
    from sdjax.runs.checkpoints import Checkpoints

    with Checkpoints(folder / "checkpoints") as checkpoints:
        with user_errors():
            step, particles = loop.restore(run, checkpoints)
        watch = Watch(run, folder, step, started)
        if step == run.total_steps:
            return particles, watch
        if step:
            _tell(f"resuming after {step} of {run.total_steps} steps")
        try:
            with watch:
                return loop.train(run, checkpoints, step, particles, watch), watch
        except loop.NonFiniteLossError as error:
            raise UserError(str(error)) from error


def _former_timing(folder: Path) -> dict[str, Any]:
    """What the metrics of a finished run say about its training."""
    from sdjax.runs.outputs import read_metrics

    former = read_metrics(folder)
    return {name: former[name] for name in TIMING if name in former}


class Watch:
    """Looks at every chunk: progress line, scalars, previews; a context manager.

    Of several processes only the first one reports.
    """

    def __init__(self, run: Any, folder: Path, first_step: int, started: float):
        self._run, self._folder = run, folder
        self._first_step, self._started = first_step, started
        self._chunks: list[tuple[int, float, bool]] = []
        self._first_done = started

    def __enter__(self) -> "Watch":
        import jax

        from sdjax.reports.progress import Progress
        from sdjax.reports.scalars import Scalars
        from sdjax.runs.evaluate import evaluation_cameras, renderer
        from sdjax.runs.processes import is_first

        run = self._run
        self._show = renderer(run, max(run.config.stages.resolution))
        self._camera = jax.tree.map(lambda leaf: leaf[:1], evaluation_cameras(run))
        self._reports = is_first()
        if self._reports:
            self._scalars = Scalars(self._folder, self._first_step + 1)
            self._progress = Progress(run.total_steps, f"{len(run.seeds)} x {run.config.prompt}")
        return self

    def __exit__(self, *exception: object) -> None:
        if self._reports:
            self._progress.__exit__(*exception)
            self._scalars.close()

    def __call__(self, chunk: Any) -> None:
        """Report one chunk."""
        if not self._chunks:
            self._first_done = time.perf_counter()
        self._chunks.append((chunk.steps, chunk.seconds, chunk.compiles))
        if self._reports:
            means = {name: float(values.mean()) for name, values in chunk.losses.items()}
            self._scalars.log(chunk.step, {f"loss/{name}": value for name, value in means.items()})
            self._progress.update(chunk.step, means)
        if chunk.saved:
            self._preview(chunk)

    def _preview(self, chunk: Any) -> None:
        from sdjax.reports.pictures import image_grid

        views = self._show(chunk.particles, self._camera)  # all processes take part
        if self._reports:
            self._scalars.image(chunk.step, "particles", image_grid(list(views[:, 0])))

    def timing(self) -> dict[str, float | int]:
        """Seconds from the command to the end of the first chunk of steps and to now, and steps
        (of all particles) per second without the chunks that compile; nothing without steps."""
        if not self._chunks:
            return {}
        compiled = [chunk for chunk in self._chunks if not chunk[2]] or self._chunks
        steps, seconds, _ = (sum(column) for column in zip(*compiled, strict=True))
        return {
            **({"resumed_at": self._first_step} if self._first_step else {}),
            "time_to_first_step": round(self._first_done - self._started, 1),
            "steps_per_second": round(steps / seconds, 2),
            "wall_time": round(time.perf_counter() - self._started, 1),
        }


def main() -> None:
    """The command."""
    train(app.config_from_flags(), flags.FLAGS.workdir)


if __name__ == "__main__":
    app.define_config()
    flags.DEFINE_string("workdir", None, "the run's folder", required=True)
    app.run(main)
