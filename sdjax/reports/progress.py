"""How far a run is: a live line in a terminal, a line now and then in a log."""

import collections
import sys
import time
from collections.abc import Callable, Mapping
from io import TextIOBase

WINDOW = 30.0  # seconds over which the speed is measured
LINES = 1000  # of a log that come at even distances, before they become rarer


class Speed:
    """Steps per second over the last 30 seconds.

    Counted from the first update on, so that compilation before it does not count.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._seen: collections.deque[tuple[float, int]] = collections.deque()

    def update(self, step: int) -> None:
        """Notes that `step` steps are done by now."""
        now = self._clock()
        self._seen.append((now, step))
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW:
            self._seen.popleft()

    def steps_per_second(self) -> float | None:
        """None until two updates lie apart in time."""
        if not self._seen or self._seen[-1][0] == self._seen[0][0]:
            return None
        (start, first), (end, last) = self._seen[0], self._seen[-1]
        return (last - first) / (end - start)


class Progress:
    """Shows steps, speed, time left and loss terms while a run goes on (a context manager).

    In a terminal it is one line that changes (rich); elsewhere, as in a log or a notebook, a
    line at most every `every` seconds, more rarely after 1,000 lines, and one at the end.

    Args:
        total: the step at which the run ends.
        title: what runs, such as "4 x a mug".
        every: seconds between two lines of a log.
        stream: where to; stdout if None.
    """

    def __init__(
        self,
        total: int,
        title: str,
        *,
        every: float | int = 10.0,
        stream: TextIOBase | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        stream = sys.stdout if stream is None else stream
        self._total, self._title, self._speed = total, title, Speed(clock)
        self._terms: Mapping[str, float] = {}
        waiting = f"{title}  compiling"
        self._line = (
            _LiveLine(stream, waiting, total)
            if stream.isatty()
            else _LogLines(stream, waiting, every, clock)
        )

    def update(self, step: int, terms: Mapping[str, float] | None = None) -> None:
        """Shows that `step` steps are done, and the loss terms: the former ones if None."""
        self._speed.update(step)
        self._terms = self._terms if terms is None else terms
        text = describe(self._title, step, self._total, self._speed, self._terms)
        self._line.show(step, text, is_last=step >= self._total)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()


def describe(title: str, step: int, total: int, speed: Speed, terms: Mapping[str, float]) -> str:
    """`4 x a mug  120/300  8.5 steps/s  0:21 left  sds 0.125  sparsity 0.003`."""
    parts = [title, f"{step}/{total}"]
    rate = speed.steps_per_second()
    if rate:
        parts += [f"{rate:.3g} steps/s", f"{clock_time((total - step) / rate)} left"]
    return "  ".join([*parts, *(f"{name} {value:.3g}" for name, value in terms.items())])


def clock_time(seconds: float | int) -> str:
    """`0:07`, `12:34` or `1:02:03`; parts of a second are rounded up."""
    minutes, second = divmod(-int(-seconds // 1), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


class _LogLines:
    def __init__(
        self, stream: TextIOBase, waiting: str, every: float | int, clock: Callable[[], float]
    ):
        self._stream, self._every, self._clock = stream, every, clock
        print(waiting, file=stream, flush=True)
        self._start = self._next = clock()

    def show(self, step: int, text: str, is_last: bool) -> None:
        now = self._clock()
        if is_last or now >= self._next:
            print(text, file=self._stream, flush=True)
            self._next = now + max(self._every, (now - self._start) / LINES)

    def close(self) -> None:
        pass


class _LiveLine:
    def __init__(self, stream: TextIOBase, waiting: str, total: int):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        text = TextColumn("{task.description}", markup=False)
        self._bar = Progress(BarColumn(30), text, console=Console(file=stream))
        self._task = self._bar.add_task(waiting, total=total)
        self._bar.start()

    def show(self, step: int, text: str, is_last: bool) -> None:
        self._bar.update(self._task, completed=step, description=text)

    def close(self) -> None:
        self._bar.stop()
