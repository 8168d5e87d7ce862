"""How times are taken: warm-up, then the median of several repeats, taken in turns."""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sdjax.benchmarks.section import NEVER, Deadline
from sdjax.config.fields import number, whole

# Does its work so many times and returns the seconds it took, or NaN if it cannot.
Runner = Callable[[int], float]


class Method(NamedTuple):
    """How often, how long, and whether traces are kept."""

    repeats: int  # of which the median counts
    seconds: float  # that a repeat takes at least
    traces: Path | None = None  # the folder for `jax.profiler` traces
    deadline: Deadline = NEVER  # after which no repeat begins but the first


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
    repeats: int

    @property
    def spread(self) -> float | None:
        """Slowest minus fastest over the median, in percent; None of one repeat."""
        if self.repeats == 1:
            return None
        return 100 * (self.slowest - self.fastest) / self.median


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
    a folder of its name.  What returns NaN is left out of the result.
    """
    calls = {name: _calls(run, method) for name, run in runners.items()}
    taken: dict[str, list[float]] = {name: [] for name in runners}
    for repeat in range(method.repeats):
        if repeat and method.deadline.over():
            break
        for name, run in runners.items():
            taken[name].append(run(calls[name]) / calls[name])
    for name, run in runners.items() if method.traces else ():
        with _trace(method.traces, name):
            run(1)
    return {
        name: Timing(statistics.median(times), min(times), max(times), calls[name], len(times))
        for name, times in taken.items()
        if not any(map(math.isnan, times))
    }


def _calls(run: Runner, method: Method) -> int:
    """In a repeat."""
    run(1)
    seconds = run(1)
    return 1 if math.isnan(seconds) else max(1, math.ceil(method.seconds / max(seconds, 1e-9)))


def time_alone(name: str, run: Runner, method: Method) -> Timing:
    """`take_turns` of one."""
    return take_turns({name: run}, method)[name]


def _trace(folder: Path, name: str) -> Any:
    import jax

    return jax.profiler.trace(str(folder / name.replace(" ", "_").replace("/", "_")))
