"""How the cost of a step grows: with particles, samples, resolution, views and cached bins."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sdjax.benchmarks.method import Method, Runner, runner, take_turns
from sdjax.benchmarks.particles import train_runner
from sdjax.benchmarks.runs import Opened, Opener, stages_of
from sdjax.benchmarks.section import Deadline, Event, Note, Row, in_short, in_time
from sdjax.benchmarks.step import step_options, whole_step
from sdjax.benchmarks.work import Work, compiled
from sdjax.config.errors import UserError, did_you_mean
from sdjax.config.fields import one_of, optional, several, text, whole
from sdjax.runs.particle import initial_particle, prepare_particle
from sdjax.runs.schema import load_config

TITLE = "How costs grow"
NOTE = (
    "Whole steps in one program, the sizes in turns, each at its fastest. The exponent is p of "
    "time ~ amount^p, by least squares on logarithms; beside it that of the last two sizes alone, "
    "where what does not grow weighs least. Amounts of a resolution are its pixels."
)
ROOM = 0.05  # of an exponent above 1 that is still called linear: times vary by percents


class Kind(NamedTuple):
    """What grows; `changes(amount)` are fields of the run in which it does."""

    what: str
    network: bool  # whether of the run with a network
    changes: Callable[[int], dict[str, Any]]
    measured: Callable[[Opened, int, int], Runner]  # of an opened run, a value and steps
    amount: Callable[[Opened, int], int] = lambda opened, value: value


def _step(opened: Opened, value: int, steps: int) -> Runner:
    work = whole_step(opened, steps)
    return runner(compiled(work, step_options()).run, *work.arguments)


def _of_particles(opened: Opened, value: int, steps: int) -> Runner:
    return train_runner(opened, (value, "map", 1), steps)


def _preparing(opened: Opened, value: int, steps: int) -> Runner:
    """As often as there are steps, so that it is divided by them too."""
    seed, recipe = jnp.int32(0), opened.recipe
    first = jax.jit(lambda prior: initial_particle(recipe, prior, seed))(opened.prior)

    def prepare(prior, conditioning, particle):
        return prepare_particle(recipe, prior, conditioning, particle).rule_state

    work = Work(prepare, (opened.prior, opened.conditioning, first))
    once = runner(compiled(work, step_options()).run, *work.arguments)
    return lambda calls: steps * once(calls)


def _pixels(opened: Opened, value: int) -> int:
    return value * value


def _kept_bins(opened: Opened, value: int) -> int:
    """With that for overhead and, under Perp-Neg, both ends."""
    return len(opened.prior.view_bins(value, opened.recipe.cameras.elevation).cameras.azimuth)


def _bins(value: int) -> dict[str, Any]:
    return {"rule.ode": "cached", "rule.ode_bins": value, "prior.prompts.perp_neg": "decaying"}


def _samples(value: int) -> dict[str, Any]:
    return {"scene.samples": value, "scene.proposals": 2 * value}


KINDS: dict[str, Kind] = {
    "particles": Kind("particles", False, lambda value: {}, _of_particles),
    "samples": Kind("samples of a ray, and twice as many proposals", False, _samples, _step),
    "resolution": Kind(
        "pixels of the rendering", False, lambda n: {"stages.resolution": (n,)}, _step, _pixels
    ),
    "views": Kind("views of a step, with a network", True, lambda n: {"camera.views": n}, _step),
    "pictures": Kind(
        "pixels of the network's pictures", True, lambda n: {"prior.image_size": n}, _step, _pixels
    ),
    "bins": Kind("cached bins, a step", True, _bins, _step, _kept_bins),
    "preparing": Kind("cached bins, once before", True, _bins, _preparing, _kept_bins),
}
SIZES = {
    "particles": (1, 2, 4, 8, 16),
    "samples": (8, 16, 32, 64),
    "resolution": (32, 64, 128, 256),
    "views": (1, 2, 4, 8),
    "pictures": (32, 64, 128, 256),
    "bins": (1, 4, 16, 64),
    "preparing": (1, 4, 16, 64),
}
FIELDS = {
    "run": optional(text()).of(None, "whose step grows without a network; None: the first"),
    "network_run": optional(text()).of(None, "the same with a network; None: no such rows"),
    "kinds": several(one_of(*KINDS)).of(tuple(KINDS), "what grows"),
    "steps": whole(at_least=1).of(4, "in one program"),
    "sizes": {
        name: several(whole(at_least=1)).of(SIZES[name], kind.what) for name, kind in KINDS.items()
    },
}


class Growing(NamedTuple):
    """What all rows have in common."""

    runs: Mapping[str, ConfigDict]
    model: str  # the architecture of Stable Diffusion in them
    steps: int
    method: Method


def measure_growth(
    runs: Mapping[str, ConfigDict],
    model: str,
    method: Method,
    deadline: Deadline,
    *,
    run: str | None,
    network_run: str | None,
    kinds: Sequence[str],
    steps: int,
    sizes: Mapping[str, Sequence[int]],
) -> Iterator[Event]:
    """A row for each kind."""
    names = {False: run or next(iter(runs)), True: network_run}
    yield Note(f"Runs: '{names[False]}' and with a network '{network_run}'; {steps} steps.")
    growing = Growing(runs, model, steps, method._replace(deadline=deadline))
    asked = {kind: names[KINDS[kind].network] for kind in kinds}
    rows = [
        (kind, partial(_row, growing, KINDS[kind], name, sorted(set(sizes[kind]))))
        for kind, name in asked.items()
        if name is not None
    ]
    yield from in_time(rows, deadline)


def check_growth(table: Any, runs: Sequence[str]) -> None:
    """Raises a `UserError` for runs that are not there, and where nothing can grow."""
    for field in ("run", "network_run"):
        name = table[field]
        if name is not None and name not in runs:
            raise UserError(
                f"config.growth.{field} names '{name}', expected one of {', '.join(runs)}"
                f"{did_you_mean(name, runs)}"
            )
    for kind in table.kinds:
        if len(set(table.sizes[kind])) < 2:
            raise UserError(
                f"config.growth.sizes.{kind} is {tuple(table.sizes[kind])}, expected two different "
                "sizes at least."
            )


def _row(growing: Growing, kind: Kind, run: str, values: Sequence[int]) -> Row:
    """Of as many sizes as there is room and time for."""
    open_stage, runners, amounts, left = Opener(growing.model), {}, [], {}
    for value in values:
        if len(amounts) > 1 and growing.method.deadline.over():
            left = {"left": f"from {value} on for want of time"}
            break
        try:
            config = load_config(growing.runs[run], kind.changes(value))
            opened = open_stage(next(stages_of({run: config})))
            measured = kind.measured(opened, value, growing.steps)
            measured(1)
        except Exception as error:  # the larger ones would not do better
            if len(amounts) < 2:
                raise
            left = {"left": f"from {value} on ({in_short(error)})"}
            break
        runners[f"{kind.what} {value}"] = measured
        amounts.append(kind.amount(opened, value))
    timings = take_turns(runners, growing.method).values()
    seconds = [timing.fastest / growing.steps for timing in timings]
    return {**row_of(kind.what, run, amounts, seconds), **left}


def row_of(what: str, run: str, amounts: Sequence[int], seconds: Sequence[float]) -> Row:
    """The figures and their reading."""
    exponent, last = fitted(amounts, seconds), fitted(amounts[-2:], seconds[-2:])
    return {
        "what grows": what,
        "run": run,
        "amounts": list(amounts),
        "ms": [1e3 * each for each in seconds],
        "exponent": exponent,
        "of the last two": last,
        "reading": reading(exponent, last),
    }


def fitted(amounts: Sequence[float], seconds: Sequence[float]) -> float:
    """The exponent p of seconds ~ amount^p: the slope of a line through the logarithms."""
    return float(np.polyfit(np.log(amounts), np.log(seconds), 1)[0])


def reading(exponent: float, last: float) -> str:
    """What the exponents say; the last two sizes may tell of a growth that only begins."""
    if exponent > 1.0 + ROOM:
        return "more than linear"
    return "linear or better" if last <= 1.0 + 2 * ROOM else "more than linear at the end"
