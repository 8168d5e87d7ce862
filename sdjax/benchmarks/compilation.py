"""Programs in fresh processes: compile time without and with the persistent cache, peak memory."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sdjax.benchmarks.beside import Beside
from sdjax.benchmarks.section import Deadline, Event, Row, in_time
from sdjax.benchmarks.work import mebibytes
from sdjax.config.fields import several, text

TITLE = "Start: compilation and memory"
NOTE = (
    "Each program in two fresh processes that share a compilation cache, empty at first. Until "
    "first result counts from the start of the process, imports and data included. Memory is the "
    "peak of the second process: of the device where it tells, else resident on the host; planned "
    "is what XLA says of the program alone."
)

FIELDS = {
    "models": several(text()).of(("sd21_base",), "whose noise prediction is compiled"),
    "runs": several(text()).says("whose training step is compiled"),
}


def measure_compilation(
    config_file: Path, programs: list[tuple[str, str]], deadline: Deadline
) -> Iterator[Event]:
    """A row for each (kind, name), as `sdjax.benchmarks.start` has them."""
    rows = ((" ".join(one), partial(_row, config_file, *one, deadline)) for one in programs)
    yield from in_time(rows, deadline)


def _row(config_file: Path, kind: str, name: str, deadline: Deadline) -> Row:
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = (_start(config_file, kind, name, cache, deadline) for _ in range(2))
    return {
        "program": f"{kind} {name}",
        "trace, s": warm["tracing"],
        "compile, cold, s": cold["compiling"],
        "compile, cached, s": warm["compiling"],
        "until first result, cold, s": cold["until_first_result"],
        "until first result, cached, s": warm["until_first_result"],
        "peak memory, MiB": mebibytes(warm["peak"]),
        "of the": warm["of"],
        "planned memory, MiB": mebibytes(warm["planned"]),
    }


def _start(
    config_file: Path, kind: str, name: str, cache: str, deadline: Deadline
) -> dict[str, Any]:
    environment = {
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.3",
    }
    with Beside("sdjax.benchmarks.start", environment) as beside:
        beside.ask({"config": str(config_file), "kind": kind, "name": name})
        return beside.answer(deadline, f"{kind} {name}")
