"""The processes of a run: how one is set up, joins the others, and what all of them know."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from sdjax.config.errors import UserError
from sdjax.config.fields import optional, text, whole
from sdjax.runs.compilation_cache import remove_damaged_entries

AUTOMATIC = "auto"
PROCESSES = {
    "coordinator": optional(text()).of(
        None, "address of the first process, 'host:1234'; 'auto' on TPU and Slurm; None: alone"
    ),
    "processes": optional(whole(at_least=1)).of(None, "how many, with an address"),
    "process": optional(whole(at_least=0)).of(None, "which of them this is, from 0"),
}


def prepare_machine() -> None:
    """What JAX reads once: a CPU device per core, and programs kept in `~/.cache/sdjax`, of which
    the damaged ones are removed.

    What the user has set stays, in the environment (`JAX_NUM_CPU_DEVICES`,
    `JAX_COMPILATION_CACHE_DIR`) or by `jax.config.update`.  After JAX's first computation the
    number of devices can no longer change and is left.
    """
    if jax.config.jax_compilation_cache_dir is None:
        cache = Path.home() / ".cache" / "sdjax" / "programs"
        jax.config.update("jax_compilation_cache_dir", str(cache))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    remove_damaged_entries()
    if jax.config.jax_num_cpu_devices == -1:
        try:
            jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
        except RuntimeError:
            return


def check_processes(table: Any) -> None:
    """Raises a UserError unless the fields of `config.run` about processes belong together."""
    given = [name for name in ("processes", "process") if table[name] is not None]
    if table.coordinator in (None, AUTOMATIC):
        if given:
            raise UserError(
                f"config.run.{given[0]} is {table[given[0]]}, expected None where "
                f"config.run.coordinator is {table.coordinator!r}; with several processes it is "
                "the first one's address, as 'host:1234'."
            )
        return
    host, _, port = table.coordinator.rpartition(":")
    if not host or not port.isdecimal():
        raise UserError(
            f"config.run.coordinator is {table.coordinator!r}, expected the address of the first "
            f"process, as 'host:1234', {AUTOMATIC!r} or None."
        )
    for name in ("processes", "process"):
        if table[name] is None:
            raise UserError(
                f"config.run.{name} is None, expected a number where config.run.coordinator is an "
                f"address; on TPU and Slurm {AUTOMATIC!r} needs none."
            )
    if table.process >= table.processes:
        raise UserError(
            f"config.run.process is {table.process}, expected 0 to {table.processes - 1} where "
            f"config.run.processes is {table.processes}."
        )


def join_processes(table: Any) -> None:
    """Joins the other processes, as `config.run` has them; before JAX's first computation.

    `coordinator` is None for a lone process, "auto" where the machine knows its processes (TPU,
    Slurm, MPI), or else "host:port" of process 0, with `processes` and this one's `process`.

    Raises a UserError where they do not meet.
    """
    if table.coordinator is None:
        return
    if jax.distributed.is_initialized():
        return
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    arguments = {}
    if table.coordinator != AUTOMATIC:
        arguments = {
            "coordinator_address": table.coordinator,
            "num_processes": table.processes,
            "process_id": table.process,
        }
    try:
        jax.distributed.initialize(**arguments)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"config.run.coordinator is {table.coordinator!r}, but the processes did not meet "
            f"({' '.join(str(error).split())[:200]}); start the same command on every host."
        ) from error


def is_first() -> bool:
    """Whether this process writes what the processes share."""
    return jax.process_index() == 0


def from_every_process(value: Any) -> list[Any]:
    """`value`, of a kind that JSON knows, of every process in their order; all have to call it."""
    if jax.process_count() == 1:
        return [value]
    from jax.experimental.multihost_utils import process_allgather

    text = np.frombuffer(json.dumps(value).encode(), np.uint8)
    lengths = np.asarray(process_allgather(np.int32(text.size))).reshape(-1)
    padded = np.pad(text, (0, int(lengths.max()) - text.size))
    rows = np.asarray(process_allgather(padded)).reshape(len(lengths), -1)
    return [
        json.loads(bytes(row[:length])) for row, length in zip(rows, lengths.tolist(), strict=True)
    ]


def of_any_process(number: int | None) -> int | None:
    """The first that is not None among the processes' numbers; all have to call it."""
    return next((one for one in from_every_process(number) if one is not None), None)


def first_does(action: Callable[[], Any]) -> None:
    """`action()` in the first process; the others go on when it is done.

    Raises `ValueError` with the same sentence in all of them if it does in the first.
    """
    problem = None
    if is_first():
        try:
            action()
        except UserError as error:
            problem = str(error)
        except OSError as error:
            problem = f"{error.filename or 'A file'}: {error.strerror}."
    problem = from_every_process(problem)[0]
    if problem is not None:
        raise UserError(problem)
