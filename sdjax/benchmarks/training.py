"""Training small priors on this device for the time that is left, and bringing them back.

Each is a run of `sdjax train_prior` in `<folder>/trained/<name>`, from its newest checkpoint on,
without the sheets.  Its `weights` are those of the moment, averaged, in diffusers' layout and
float16, from which `--config.model.weights=...` starts another run or `sdjax judge_prior` draws.
"""

import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import FrozenConfigDict

from sdjax.benchmarks.section import (
    Deadline,
    Doing,
    Event,
    Left,
    Note,
    OutOfTimeError,
    Row,
    in_short,
)
from sdjax.benchmarks.shards import in_shards
from sdjax.config.errors import UserError
from sdjax.config.fields import number, optional, several, text
from sdjax.config.loading import as_stored
from sdjax.prior_training.fitting import Report
from sdjax.prior_training.kinds import KINDS
from sdjax.prior_training.place import Place
from sdjax.runs.lock import only_run
from sdjax.runs.signals import InterruptedRunError
from sdjax.runs.workdir import make_folder, open_workdir
from sdjax.train_prior import MAY_DIFFER, check_same, load_config

TITLE = "Training"
NOTE = (
    "Small priors, trained for the time that is left. Pictures per second are those of the loop, "
    "without rendering, compiling and encoding before it; losses are means over up to {window} "
    "steps at the beginning and at the end of what was trained here."
)
WINDOW = 200  # steps
FIELDS = {
    "configs": several(text()).of(("train_prior",), "configurations of train_prior, one by one"),
    "shares": optional(several(number(above=0))).of(None, "of the time; None: equal ones"),
    "overrides": optional(several(text())).of(None, "as diffusion.batch=64, for all configs"),
    "save_every": number(above=0).of(20.0, "seconds between two checkpoints"),
    "reserve": number(at_least=0).of(15.0, "seconds before the end of its time in which it saves"),
}
NOTE = NOTE.format(window=WINDOW)
WEIGHTS, LARGEST_FILE = "weights", 16 * 10**6  # bytes
OUT_OF_TIME = signal.SIGTERM  # what a run is told that has to end


class Times(NamedTuple):
    """Of one training: when it has to stop, and how often it saves before."""

    stop: Deadline
    save_every: float  # seconds


def check_trainings(table: Any) -> None:
    """Raises a `UserError` for configurations that are not there, and for shares of others."""
    shares, configs = table.shares, table.configs
    if shares is not None and len(shares) != len(configs):
        raise UserError(
            f"config.training.shares has {len(shares)} numbers, expected {len(configs)}, one for "
            "each of config.training.configs."
        )
    for name in configs:
        load_config(name, table.overrides or ())


def measure_training(
    configs: Sequence[str],
    shares: Sequence[float] | None,
    overrides: Sequence[str] | None,
    save_every: float,
    reserve: float,
    folder: Path,
    deadline: Deadline,
) -> Iterator[Event]:
    """A row for each configuration, trained for its share of what is left."""
    shares = shares or (1.0,) * len(configs)
    for i, name in enumerate(configs):
        part = deadline.part(shares[i] / sum(shares[i:]))
        short = Path(name).stem.replace(":", "_")
        if part.left() <= reserve:
            yield Left(short)
            continue
        yield Doing(short)
        times = Times(Deadline.after(part.left() - reserve), save_every)
        try:
            config = load_config(name, overrides or ())
            yield from train_for(short, config, folder / "trained" / short, times)
        except OutOfTimeError:
            yield Left(short)
        except Exception as error:  # the next one may do better
            traceback.print_exc(file=sys.stderr)
            yield Left(short, in_short(error))


def train_for(name: str, config: FrozenConfigDict, folder: Path, times: Times) -> Iterator[Event]:
    """Trains until it has to stop or is done; leaves checkpoints and weights in `folder`.

    Raises `OutOfTimeError` if the time was over before the first steps.
    """
    began, folder = time.perf_counter(), folder.absolute()
    with only_run(make_folder(folder)):
        open_workdir(folder, config, MAY_DIFFER, as_stored(load_config))
        trained = Trained(config, folder, times)
        trained.run()
    row = trained.row()
    if "stage" not in row:
        yield Note(f"{name} was done already.")
    yield {"prior": name, **row, "seconds in all": time.perf_counter() - began}


class Trained:
    """One training while it goes on: what its chunks were like, and its weights."""

    def __init__(self, config: FrozenConfigDict, folder: Path, times: Times):
        self._config, self._folder, self._times = config, folder, times
        self._next_save, self._saves = Deadline.after(times.save_every), False
        self._chunks: list[tuple[str, int, float, float]] = []  # stage, step, loss, clock
        self._training = KINDS[config.trains].begin(config, folder, self._rendering)

    def run(self) -> None:
        """All stages, as far as there is time."""
        config, check = self._config, partial(check_same, self._config)
        looks_on = {"asked": self._asked, "due": lambda: self._saves, "seen": self._seen}
        place = Place(self._folder, config.to_dict(), check, **looks_on, sheets=False)
        try:
            self._model = self._training.model
            for train in self._training.stages.values():
                self._model = train(self._model, place)
        except InterruptedRunError:
            return
        self._write(self._model.params)

    def row(self) -> Row:
        """What was reached; without a stage if it was done already."""
        if not self._chunks:
            steps = self._config[[*self._training.stages][-1]].steps
            return {"to step": steps, "of": steps, "largest file, MB": self._largest_file()}
        stage = self._chunks[-1][0]
        steps, losses, clocks = (np.asarray(each) for each in zip(*self._of(stage), strict=True))
        chunk, plan = self._config.run.chunk, self._config[stage]
        few = max(1, WINDOW // chunk)
        speed = (steps[-1] - steps[0]) / (clocks[-1] - clocks[0]) if len(steps) > 1 else None
        return {
            "stage": stage,
            "from step": int(max(0, steps[0] - chunk)),
            "to step": int(steps[-1]),
            "of": plan.steps,
            "pictures/s": None if speed is None else plan.batch * float(speed),
            "loss before": float(losses[:few].mean()),
            "loss after": float(losses[-few:].mean()),
            "largest file, MB": self._largest_file(),
        }

    def _of(self, stage: str) -> list[tuple[int, float, float]]:
        return [tuple(rest) for name, *rest in self._chunks if name == stage]

    def _rendering(self, what: str, done: int, total: int) -> None:
        if self._times.stop.over():
            raise OutOfTimeError(f"after {what} {done} of {total} pictures")

    def _asked(self) -> int | None:
        """After every chunk, before it is known whether a checkpoint is due."""
        stops = self._times.stop.over()
        self._saves = stops or self._next_save.over()
        return OUT_OF_TIME if stops else None

    def _seen(self, stage: str, chunk: Report) -> None:
        self._chunks.append((stage, chunk.step, chunk.terms["loss"], time.perf_counter()))
        if not self._saves:
            return
        self._next_save = Deadline.after(self._times.save_every)
        if stage == [*self._training.stages][-1]:  # before it the model cannot draw
            average = jax.tree.map(np.asarray, chunk.state.average)
            self._write({**self._model.params, **average})

    def _write(self, params: dict[str, Any]) -> None:
        """A whole folder in place of the former one."""
        weights, new = self._folder / WEIGHTS, self._folder / f"{WEIGHTS}.new"
        shutil.rmtree(new, ignore_errors=True)
        self._training.write(self._model._replace(params=params), new, np.float16)
        for file in sorted(new.rglob("*.safetensors")):
            in_shards(file, LARGEST_FILE)
        shutil.rmtree(weights, ignore_errors=True)
        new.rename(weights)

    def _largest_file(self) -> float | None:
        sizes = [file.stat().st_size for file in (self._folder / WEIGHTS).rglob("*.safetensors")]
        return max(sizes) / 1e6 if sizes else None
