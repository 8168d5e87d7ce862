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
from sdjax.commands.config import load_config
from sdjax.commands.errors import UserError, user_errors
from sdjax.commands.machine import prepare_machine
from sdjax.commands.schema import validate
from sdjax.commands.training_schema import SCHEMA
from sdjax.commands.workdir import open_workdir

MAY_DIFFER = ("run", "report")  # between the parts of a resumed run


def train(config: Any, workdir: str | Path, overrides: Mapping[str, Any] | None = None) -> Any:
    """Run a configuration to its end in `workdir` and write its pictures, meshes and metrics.

    Args:
        config: a path, a module with `get_config()`, a ConfigDict or a dict.
        workdir: the run's folder; an interrupted run in it is resumed.
        overrides: fields of the configuration to replace, `{"rule.name": ...}`.

    Returns:
        The `sdjax.training.evaluate.Evaluation` of the particles.

    Raises:
        UserError: one sentence about what was wrong in the configuration or the folder.
    """
    started = time.perf_counter()
    config = load_config(config, overrides or {})
    check_config(config)
    prepare_machine()
    from sdjax.training import run as runs
    from sdjax.training.checkpoints import Checkpoints
    from sdjax.training.outputs import write_outputs

    with user_errors():
        folder = open_workdir(workdir, config, MAY_DIFFER)
        run = runs.open_run(config)
        with Checkpoints(folder / "checkpoints") as checkpoints:
            step, particles = runs.restore(run, checkpoints)
            watch = Watch(run, folder, step, started)
            with watch:
                particles = runs.train(run, checkpoints, step, particles, watch)
    return write_outputs(run, particles, folder, watch.timing(time.perf_counter()))


def check_config(config: Any) -> None:
    """Raise a UserError for the first thing that cannot work, before anything is computed."""
    from sdjax.objects.prompts import find

    validate(config, SCHEMA)
    with user_errors():
        find(config.prompt)
    lengths = {name: len(values) for name, values in config.stages.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise UserError(f"config.stages has {lengths} entries, expected as many in each, 1 or more.")
    highest = max(config.stages.resolution)
    for resolution in config.stages.resolution:
        if highest % resolution:
            raise UserError(
                f"config.stages.resolution has {resolution}, expected divisors of {highest}."
            )
    if config.annealing.t_min > config.annealing.t_max:
        raise UserError(
            f"config.annealing.t_min is {config.annealing.t_min}, expected at most "
            f"config.annealing.t_max, which is {config.annealing.t_max}."
        )


class Watch:
    """Looks at every chunk: progress line, scalars, previews; a context manager."""

    def __init__(self, run: Any, folder: Path, first_step: int, started: float):
        from sdjax.reports.progress import Progress
        from sdjax.reports.scalars import Scalars

        self._run, self._started, self._first_step = run, started, first_step
        self._progress = Progress(run.total_steps, f"{len(run.seeds)} x {run.config.prompt}")
        self._scalars = Scalars(folder, first_step)
        self._seconds, self._first_chunk = [], None

    def __enter__(self) -> "Watch":
        self._progress.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.__exit__(*exception)
        self._scalars.close()

    def __call__(self, chunk: Any) -> None:
        """Report one chunk."""
        means = {name: float(values.mean()) for name, values in chunk.losses.items()}
        self._scalars.log(chunk.step, {f"loss/{name}": value for name, value in means.items()})
        self._progress.update(chunk.step, means)
        self._seconds.append(chunk.seconds)
        if self._first_chunk is None:
            self._first_chunk = time.perf_counter() - self._started
        if chunk.saved:
            self._preview(chunk)

    def _preview(self, chunk: Any) -> None:
        import jax

        from sdjax.reports.pictures import image_grid
        from sdjax.training.evaluate import evaluation_cameras, render_particles

        camera = jax.tree.map(lambda leaf: leaf[:1], evaluation_cameras(self._run))
        resolution = max(self._run.config.stages.resolution)
        views = render_particles(self._run, chunk.particles, camera, resolution)
        self._scalars.image(chunk.step, "particles", image_grid(list(views[:, 0])))

    def timing(self, now: float) -> dict[str, float]:
        """Wall time from the command to here, and the speed without the compiling chunks."""
        steps = self._run.total_steps - self._first_step
        timing = {"wall_time": round(now - self._started, 1)}
        if steps:
            timing["time_to_first_chunk"] = round(self._first_chunk, 1)
            timing["steps_per_second"] = round(steps / sum(self._seconds), 2)
        return timing


def main() -> None:
    """The command."""
    train(app.config_from_flags(), flags.FLAGS.workdir)


if __name__ == "__main__":
    app.define_config()
    flags.DEFINE_string("workdir", None, "the run's folder", required=True)
    app.run(main)
