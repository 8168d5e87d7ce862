"""Programs in fresh processes: compile time without and with the persistent cache, peak memory."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from sdjax.benchmarks.report import Row, Section
from sdjax.config.fields import several, text

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


def measure_compilation(config_file: Path, programs: list[tuple[str, str]]) -> Section:
    """A row for each (kind, name), as `sdjax.benchmarks.start` has them."""
    rows = [_row(config_file, kind, name) for kind, name in programs]
    return Section("Start: compilation and memory", NOTE, rows)


def _row(config_file: Path, kind: str, name: str) -> Row:
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = (_start(config_file, kind, name, cache) for _ in range(2))
    return {
        "program": f"{kind} {name}",
        "trace, s": warm["tracing"],
        "compile, cold, s": cold["compiling"],
        "compile, cached, s": warm["compiling"],
        "until first result, cold, s": cold["until_first_result"],
        "until first result, cached, s": warm["until_first_result"],
        "peak memory, MiB": warm["peak"] / 2**20,
        "of the": warm["of"],
        "planned memory, MiB": None if warm["planned"] is None else warm["planned"] / 2**20,
    }


def _start(config_file: Path, kind: str, name: str, cache: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "sdjax.benchmarks.start", str(config_file), kind, name]
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.3",
    }
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
