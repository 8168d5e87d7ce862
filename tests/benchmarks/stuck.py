"""The command with a section that has a row at once and then never ends, as a compilation may."""

import sys
import time

from sdjax import benchmark
from sdjax.benchmarks.running import Plan
from sdjax.benchmarks.section import Doing
from sdjax.commands import app


def events(deadline):
    yield {"ms": 1.0}
    yield Doing("what never ends")
    time.sleep(1000.0)


benchmark.age = lambda: 55.0  # seconds of the time are used up
benchmark.sections_of = lambda config, file: {"rendering": Plan("Rendering", "One view.", events)}

if __name__ == "__main__":
    app.run(benchmark.COMMAND, sys.argv)
