"""How fast sdjax is here: `sdjax benchmark --config=benchmark --workdir=...`.

Sections: guided noise predictions and encodings at the sizes of Stable Diffusion with random
weights, rendering, whole training steps, many particles, compilation and memory.  Each has its
share of `config.minutes`, and the tables are written after each row.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from absl import flags

from sdjax.benchmarks import report
from sdjax.benchmarks.build import sections as sections_of
from sdjax.benchmarks.machine import age, describe
from sdjax.benchmarks.peer import missing, present
from sdjax.benchmarks.running import Plan, Sections, failed, measure
from sdjax.benchmarks.schema import check_config, load_config, schema_of, seconds
from sdjax.benchmarks.section import Deadline
from sdjax.commands import app
from sdjax.config.loading import Overrides, as_stored
from sdjax.config.tables import resolve
from sdjax.runs.processes import prepare_machine
from sdjax.runs.workdir import CONFIG, open_workdir

WORKDIR = "runs/benchmark"
FOR_ROWS = 0.95  # of the time: a row that begins within it may end in the rest
# Between two commands in one folder; training goes on from its newest checkpoint.
MAY_DIFFER = (
    *("minutes", "sections", "shares", "method", "profile", "training"),
    *("peer", "peer_minutes", "peer_seconds"),
)


def benchmark(
    config: Any,
    workdir: str | Path,
    overrides: Overrides = (),
    *,
    started: float | None = None,
    told: Callable[[Sections], None] = lambda sections: None,
) -> Sections:
    """Measure, print Markdown tables, and write benchmark.md and benchmark.json after each row.

    Tables of an earlier command in the folder stay where their section is not asked for now.

    Args:
        config: a path, a module with `get_config()`, a ConfigDict or a dict.
        workdir: the folder for them, and with `config.profile` for traces of `jax.profiler`.
        overrides: fields of the configuration to replace, `{"sections": ("rendering",)}`.
        started: when `config.minutes` begin, of `time.monotonic()`; None: now.
        told: gets all sections as they are whenever they are written.

    Returns:
        `sdjax.benchmarks.section.Section` by name; their rows hold numbers, and their notes name
        the rows that did not fit into the time, or failed.

    Raises:
        UserError: one sentence about what was wrong in the configuration or the folder.
    """
    started = time.monotonic() if started is None else started
    config = load_config(config, overrides)
    deadline = Deadline(started + FOR_ROWS * seconds(config))
    if present(config.peer) or "compilation" in config.sections:  # others need room there, too
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    prepare_machine()  # before the check, which computes
    check_config(config)
    if config.peer and not present(config.peer):
        print(f"Nothing stands beside: {' and '.join(missing())} cannot be imported.")
    folder = open_workdir(workdir, config, MAY_DIFFER, as_stored(load_config))
    plans = sections_of(config, folder / CONFIG)
    order = sorted(config.sections, key=_with_others_on_the_device)
    sections: Sections = {}
    for sections in _written({name: plans[name] for name in order}, config, deadline, folder):
        told(sections)
    print(f"Look at {folder / report.MARKDOWN}; the same is in {report.JSON}.")
    return sections


def _written(
    plans: Mapping[str, Plan], config: Any, deadline: Deadline, folder: Path
) -> Iterator[Sections]:
    """All tables in the order of the configuration, each time when they are on the disk."""
    machine: dict[str, Any] = {}
    former = report.former(folder)
    for progress in measure(plans, config.shares.to_dict(), deadline, _say):
        if not machine and (progress.is_done or _with_others_on_the_device(progress.at)):
            machine = describe()
        sections = {name: progress.sections[name] for name in config.sections}
        report.write(folder, machine, {**sections, **_others(former, sections)})
        if progress.is_done:
            _say(f"\n{report.section(sections[progress.at])}\n")
        yield sections
    print(report.sentence(machine))


def _others(former: Sections, sections: Sections) -> Sections:
    return {name: section for name, section in former.items() if name not in sections}


def _say(line: str) -> None:
    print(line, flush=True)


def _with_others_on_the_device(section: str) -> bool:
    """False for what runs in other processes only, which comes first: later, this one would keep
    them from the device's memory."""
    return section != "compilation"


def _command(values: flags.FlagValues) -> int:
    """1 where a section has no row, or a row has failed."""
    started, sections = time.monotonic() - age(), {}
    config = load_config(values.config, values.config_field)
    with _ending_at(Deadline(started + seconds(config)), sections):
        benchmark(config, values.workdir, started=started, told=sections.update)
    return _told_what_failed(sections)


@contextmanager
def _ending_at(deadline: Deadline, sections: Sections) -> Iterator[None]:
    """Ends the process at the deadline, whatever it does: XLA cannot be interrupted while it
    compiles.  Nothing is lost, for the tables are written after each row."""

    def end() -> None:
        _say("The time is over; what is measured is written.")
        os._exit(_told_what_failed(sections))

    timer = threading.Timer(min(max(0.0, deadline.left()), threading.TIMEOUT_MAX), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _told_what_failed(sections: Sections) -> int:
    sentences = failed(sections) if sections else ["the time was over before anything began"]
    for sentence in sentences:
        print(f"sdjax: {sentence}.", file=sys.stderr, flush=True)
    return int(bool(sentences))


def _define() -> None:
    flags.DEFINE_string("workdir", WORKDIR, "the folder for the tables")


COMMAND = app.Command(
    "benchmark",
    __doc__,
    main=_command,
    define=_define,
    load=load_config,
    fields=lambda config: dict(resolve(schema_of(config), config)),
)
if __name__ == "__main__":
    app.run(COMMAND)
