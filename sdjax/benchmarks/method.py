"""How times are taken: warm-up, then the median of several repeats, taken in turns."""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from sdjax.config.fields import number, whole

Runner = Callable[[int], float]  # does its work so many times and returns the seconds it took


class Method(NamedTuple):
    """How often, how long, and whether traces are kept."""

    repeats: int  # of which the median counts
    seconds: float  # that a repeat takes at least
    traces: Path | None = None  # the folder for `jax.profiler` traces


METHOD = {
    "repeats": whole(at_least=1).of(5, "of each time, of which the median counts"),
    "seconds": number(above=0).of(1.0, "that a repeat takes at least"),
}


class Timing(NamedTuple):
    """Seconds per call over the repeats."""

    median: float
    fastest: float
    slowest: float
    calls: int  # in each repeat


def runner(function: Callable[..., Any], *arguments: Any) -> Runner:
    """Calls a function of JAX; the clock stops when the last result is there."""
    import jax

    def run(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            result = function(*arguments)
        jax.block_until_ready(result)
        return time.perf_counter() - start

    return run


def take_turns(runners: Mapping[str, Runner], method: Method) -> dict[str, Timing]:
    """Time all `runners`, one repeat of each in turn, so that what the machine does besides
    reaches all alike.

    Before that each runs twice: the first call warms up, the second says how many calls make a
    repeat of `method.seconds`.  With `method.traces` each runs once more, under the profiler, into
    a folder of its name.
    """
    calls = {}
    for name, run in runners.items():
        run(1)
        calls[name] = max(1, math.ceil(method.seconds / max(run(1), 1e-9)))
    taken: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(method.repeats):
        for name, run in runners.items():
            taken[name].append(run(calls[name]) / calls[name])
    for name, run in runners.items():
        with _trace(method.traces, name):
            run(1)
    return {
        name: Timing(statistics.median(times), min(times), max(times), calls[name])
        for name, times in taken.items()
    }


def time_alone(name: str, run: Runner, method: Method) -> Timing:
    """`take_turns` of one."""
    return take_turns({name: run}, method)[name]


def _trace(folder: Path | None, name: str) -> Any:
    import jax

    if folder is None:
        return nullcontext()
    return jax.profiler.trace(str(folder / name.replace(" ", "_").replace("/", "_")))
