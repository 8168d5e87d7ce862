"""`--coordinator`, `--processes` and `--process` of commands without a configuration."""

from absl import flags

from sdjax.runs.processes import PROCESSES, check_processes, join_processes, prepare_machine

NAMED = "--"  # stands before their names


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines them, as `config.run` has them elsewhere."""
    about = {name: field.meaning for name, field in PROCESSES.items()}
    flags.DEFINE_string("coordinator", None, about["coordinator"], values)
    flags.DEFINE_integer("processes", None, about["processes"], 1, flag_values=values)
    flags.DEFINE_integer("process", None, about["process"], 0, flag_values=values)


def join(values: flags.FlagValues) -> None:
    """Joins the other processes; raises a UserError for options that do not belong together, or
    where they do not meet."""
    table = {name: values[name].value for name in PROCESSES}
    check_processes(table, NAMED)
    prepare_machine()
    join_processes(table, NAMED)
