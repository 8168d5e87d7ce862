"""What is told about a run while it goes on: progress line, scalars, previews, timing."""

import time
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np

from sdjax.reports.pictures import image_grid
from sdjax.reports.progress import Progress
from sdjax.reports.scalars import Scalars
from sdjax.runs.evaluate import evaluation_cameras, is_image, renderer
from sdjax.runs.failures import ADVICE
from sdjax.runs.loop import Chunk
from sdjax.runs.processes import is_first
from sdjax.runs.run import Run
from sdjax.runs.stages import highest_resolution

LOOKED_AT = 0.1  # of the run, from which on a scene should show something
EMPTY, SOLID = 0.002, 0.998  # mean opacity of the pictures


def of_opacity(opacity: float) -> str | None:
    """What is wrong with a scene of this mean opacity, and what to change; None if nothing is."""
    if opacity < EMPTY:
        return (
            f"is empty (mean opacity {opacity:.4f}): nothing is in view; a larger "
            "config.scene.blob_scale, or smaller weights in config.losses, may help."
        )
    if opacity > SOLID:
        return (
            f"is solid (mean opacity {opacity:.4f}): it fills the pictures; a smaller "
            "config.scene.blob_scale, or larger config.losses.sparsity, may help."
        )
    return None


class Watch:
    """Looks at every chunk; a context manager.  Of several processes only the first reports."""

    def __init__(self, run: Run, folder: Path, first_step: int, started: float):
        self._run, self._folder = run, folder
        self._first_step, self._started = first_step, started
        self._steps, self._seconds = {}, {}  # of chunks that compile, and of the others
        self._first_done = started
        self._told: set[tuple[str, int]] = set()  # of what was warned, and of which seed

    def __enter__(self) -> "Watch":
        run = self._run
        self._show = renderer(run, highest_resolution(run.config))
        first = lambda leaf: jax.device_put(np.asarray(leaf)[:1])  # noqa: E731
        self._camera = jax.tree.map(first, evaluation_cameras(run))
        self._has_depth = not is_image(run)
        self._reports = is_first()
        if self._reports:
            self._scalars = Scalars(self._folder, self._first_step + 1)
            self._progress = Progress(run.total_steps, f"{len(run.seeds)} x {run.config.prompt}")
        return self

    def __exit__(self, *exception: object) -> None:
        if self._reports:
            self._progress.__exit__(*exception)
            self._scalars.close()

    def __call__(self, chunk: Chunk) -> None:
        """Report one chunk."""
        if not self._steps:
            self._first_done = time.perf_counter()
        for sums, more in ((self._steps, chunk.steps), (self._seconds, chunk.seconds)):
            sums[chunk.compiles] = sums.get(chunk.compiles, 0) + more
        if self._reports:
            going_on = self._tell_of_seeds(chunk)
            means = {name: float(values[going_on].mean()) for name, values in chunk.losses.items()}
            self._scalars.log(chunk.step, {f"loss/{name}": value for name, value in means.items()})
            self._progress.update(chunk.step, means)
        if chunk.saved and chunk.interrupted is None:  # then there is little time
            self._preview(chunk)

    def _tell_of_seeds(self, chunk: Chunk) -> np.ndarray:
        """Warn once of each seed that stops, or shows nothing or one solid thing; which go on."""
        seeds = self._run.seeds.tolist()
        stopped = {one.seed: one for one in chunk.failures}
        for seed, one in stopped.items():
            self._warn(
                "stopped", seed, f"{one} is infinite or NaN and stays as it was before; {ADVICE}"
            )
        going_on = np.array([seed not in stopped for seed in seeds])
        if self._has_depth and chunk.step >= LOOKED_AT * self._run.total_steps:
            for seed, opacity in zip(seeds, chunk.opacity.tolist(), strict=True):
                if sentence := of_opacity(opacity):
                    self._warn("opacity", seed, f"seed {seed} at step {chunk.step} {sentence}")
        return going_on

    def _warn(self, kind: str, seed: int, sentence: str) -> None:
        if (kind, seed) not in self._told:
            self._told.add((kind, seed))
            warnings.warn(sentence, stacklevel=4)

    def _preview(self, chunk: Chunk) -> None:
        views = self._show(chunk.particles, self._camera)  # all processes take part
        finite = [view for view in np.asarray(views[:, 0]) if np.isfinite(view).all()]
        if self._reports and finite:
            self._scalars.image(chunk.step, "particles", image_grid(finite))

    def timing(self) -> dict[str, Any]:
        """Seconds from the command to the end of the first chunk of steps and to now, and steps
        (of all particles) per second without the chunks that compile; nothing without steps."""
        if not self._steps:
            return {}
        kind = False not in self._steps
        steps, seconds = self._steps[kind], self._seconds[kind]
        return {
            **({"resumed_at": self._first_step} if self._first_step else {}),
            "time_to_first_step": round(self._first_done - self._started, 1),
            "steps_per_second": round(steps / seconds, 2),
            "wall_time": round(time.perf_counter() - self._started, 1),
        }
