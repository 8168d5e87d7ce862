"""What a section of the benchmark is: a generator of rows that keeps to its time.

    TITLE, NOTE, FIELDS = "Rendering", "One view of the scene.", {...}

    def measure_rendering(resolutions, method, deadline) -> Iterator[Event]:
        rows = [(f"{size} px", partial(_row, size, method)) for size in resolutions]
        yield from in_time(rows, deadline)

`sdjax.benchmarks.build` has the list of sections, `sdjax.benchmarks.running` writes the tables
after every event.  Nothing here imports JAX.
"""

import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

Row = dict[str, Any]  # units stand in the names of the columns


class Deadline(NamedTuple):
    """When something has to be done."""

    end: float  # of `time.monotonic()`

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """So many seconds from now; `inf` for none."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds, below 0 once it is over."""
        return self.end - time.monotonic()

    def over(self) -> bool:
        """Whether nothing is left."""
        return self.left() <= 0

    def part(self, share: float) -> "Deadline":
        """After this share, from 0 to 1, of what is left now."""
        return Deadline.after(share * max(0.0, self.left()))


NEVER = Deadline(float("inf"))


class OutOfTimeError(Exception):
    """Raised by what measures a row, if its time is over."""


class Doing(NamedTuple):
    """The work on a row begins."""

    name: str


class Left(NamedTuple):
    """A row that is not there: for want of time, or for the reason that is given."""

    name: str
    why: str | None = None


class Note(NamedTuple):
    """A sentence that belongs below the title, known only now."""

    sentence: str


Event = Doing | Row | Left | Note
Rows = Iterable[tuple[str, Callable[[], Row]]]  # names, and what measures them


class Section(NamedTuple):
    """One table."""

    title: str
    note: str  # what was done, in a sentence or two
    rows: list[Row]
    left: tuple[Left, ...] = ()  # the rows that are not there


def in_time(rows: Rows, deadline: Deadline) -> Iterator[Event]:
    """Measures one row after the other, in order of worth, while there is time.

    What runs cannot be interrupted, a compilation least of all; so a row begins only where more
    time is left than the longest row so far has taken, and the first wherever some is.  One that
    raises is left with its reason, its traceback goes to stderr, and the next begins; of one that
    raises `OutOfTimeError` the reason is the time.
    """
    longest = 0.0
    for name, measure in rows:
        if deadline.left() <= longest:
            yield Left(name)
            continue
        yield Doing(name)
        began = time.monotonic()
        try:
            row = measure()
        except OutOfTimeError:
            yield Left(name)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            yield Left(name, in_short(error))
        else:
            yield row
        longest = max(longest, time.monotonic() - began)


def in_short(error: BaseException) -> str:
    """Its kind and its first line."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:300]}"
