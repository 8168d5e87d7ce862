"""Several processes that train together: how one joins the others."""

from typing import Any

from sdjax.config.errors import UserError

AUTOMATIC = "auto"


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
    import jax

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
