"""The processes of a run: how one is set up, joins the others, and what all of them know."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from sdjax.config.errors import UserError
from sdjax.config.fields import optional, text, whole
from sdjax.runs.compilation_cache import remove_damaged_entries

Item, Result = TypeVar("Item"), TypeVar("Result")
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


def check_processes(table: Any, named: str = "config.run.") -> None:
    """Raises a UserError unless the fields of `PROCESSES` belong together; `named` stands before
    their names, as a user gives them."""
    coordinator = table["coordinator"]
    given = [name for name in ("processes", "process") if table[name] is not None]
    if coordinator in (None, AUTOMATIC):
        if given:
            raise UserError(
                f"{named}{given[0]} is {table[given[0]]}, expected None where "
                f"{named}coordinator is {coordinator!r}; with several processes it is "
                "the first one's address, as 'host:1234'."
            )
        return
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal():
        raise UserError(
            f"{named}coordinator is {coordinator!r}, expected the address of the first "
            f"process, as 'host:1234', {AUTOMATIC!r} or None."
        )
    for name in ("processes", "process"):
        if table[name] is None:
            raise UserError(
                f"{named}{name} is None, expected a number where {named}coordinator is an "
                f"address; on TPU and Slurm {AUTOMATIC!r} needs none."
            )
    if table["process"] >= table["processes"]:
        raise UserError(
            f"{named}process is {table['process']}, expected 0 to {table['processes'] - 1} where "
            f"{named}processes is {table['processes']}."
        )


def join_processes(table: Any, named: str = "config.run.") -> None:
    """Joins the other processes, as a table of `PROCESSES` has them; before JAX's first
    computation.

    `coordinator` is None for a lone process, "auto" where the machine knows its processes (TPU,
    Slurm, MPI), or else "host:port" of process 0, with `processes` and this one's `process`.

    Raises a UserError where they do not meet.
    """
    coordinator = table["coordinator"]
    if coordinator is None or jax.distributed.is_initialized():
        return
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    arguments = {}
    if coordinator != AUTOMATIC:
        arguments = {
            "coordinator_address": coordinator,
            "num_processes": table["processes"],
            "process_id": table["process"],
        }
    try:
        jax.distributed.initialize(**arguments)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"{named}coordinator is {coordinator!r}, but the processes did not meet "
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


def own_share(items: Sequence[Item]) -> list[Item]:
    """Those of the items that are this process's to do, every one of one process only."""
    return list(items[jax.process_index() :: jax.process_count()])


def first_does(action: Callable[[], Any]) -> None:
    """`action()` in the first process; the others go on when it is done.

    Raises `UserError` with the same sentence in all of them if it does in the first.
    """
    error = _problem(action) if is_first() else None
    told = from_every_process(None if error is None else str(error))[0]
    if told is not None:
        raise error or UserError(told)


def all_do(action: Callable[[], Result]) -> Result:
    """`action()` in every process, none of which goes on before all are done with it; the action
    itself has them exchange nothing.

    Raises `UserError` in all of them if one does: in each its own, or else that of the first that
    does.
    """
    result = []
    error = _problem(lambda: result.append(action()))
    told = [one for one in from_every_process(None if error is None else str(error)) if one]
    if told:
        raise error or UserError(told[0])
    return result[0]


def _problem(action: Callable[[], Any]) -> UserError | None:
    """What went wrong in it that a user can mend."""
    try:
        action()
    except UserError as error:
        return error
    except OSError as error:
        problem = UserError(f"{error.filename or 'A file'}: {_reason(error)}.")
        problem.__cause__ = error
        return problem
    return None


def _reason(error: OSError) -> str:
    """One that is not of the system has a text only, or nothing."""
    return error.strerror or " ".join(str(error).split()).rstrip(".") or type(error).__name__
