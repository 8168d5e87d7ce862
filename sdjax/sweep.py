"""Every rule on the same task: `sdjax sweep --configs=small_2d,small_3d --workdir=runs/sweep`.

Trains each task with all of its rules, one after the other; the same command again goes on where it
was interrupted.  Started on several hosts that see one folder, each takes the next run that nobody
has, and the last to end compares all; with `--config.run.coordinator` they train each run together.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import FrozenConfigDict

from sdjax.commands import app
from sdjax.compare import TABLE, picture, write_comparison
from sdjax.config.errors import UserError
from sdjax.config.loading import Overrides
from sdjax.files.whole_files import write_whole
from sdjax.reports import markdown
from sdjax.reports.pictures import save_png, stack
from sdjax.runs.finished import read_run
from sdjax.runs.plan import planned
from sdjax.runs.processes import (
    PROCESSES,
    first_does,
    is_first,
    join_processes,
    prepare_machine,
)
from sdjax.runs.workdir import make_folder, workdir_of
from sdjax.train_all import is_trained, tell, train_all

SUMMARY = "sweep.md"


def sweep(
    sources: Sequence[str | Path], workdir: str | Path, overrides: Overrides = ()
) -> dict[str, str]:
    """Train each task with all of its rules, and compare those of each task.

    Several processes that have not joined each other divide the runs: each takes those that are
    neither finished nor held by another (`sdjax.runs.lock`), and the last to end writes the
    comparisons.  Those of one `config.run.coordinator` train each run together.

    Writes the run of a rule to `<workdir>/<task>/<rule>`, a comparison (`sdjax.compare`) beside the
    runs of each task, `<workdir>/<rule>.png` with the results of a rule in all tasks, and one table
    of everything, `<workdir>/sweep.md`.  A run that fails is left out and costs the others nothing;
    one that is finished and whole is not repeated.

    Args:
        sources: tasks (files that take a rule), or folders of configurations of `sdjax.train`, by
            path or by a name of the package's; those of other commands are no runs.
        workdir: where to write.
        overrides: fields of all configurations to replace, as for `sdjax.train`.

    Returns:
        What went wrong, by the name of the run; of runs that are with other processes nothing.

    Raises:
        UserError: before anything is trained, if there is no such configuration, two sources have
            one name, or a configuration or an override is not valid.
    """
    plan = planned(sources, overrides)
    workdir = workdir_of(workdir)
    runs = {f"{folder}/{name}": plan[folder][name] for folder in plan for name in plan[folder]}
    _join(runs)
    first_does(lambda: make_folder(workdir))
    failures, elsewhere = train_all(runs, workdir)
    if elsewhere:
        tell(f"With other processes, of which the last to end compares all: {_named(elsewhere)}.")
    else:
        first_does(lambda: _report(workdir, plan))
    return failures


def _join(runs: Mapping[str, FrozenConfigDict]) -> None:
    """The processes of all runs, which are the same."""
    kinds = {tuple(config.run[field] for field in PROCESSES) for config in runs.values()}
    if len(kinds) > 1:
        raise UserError(
            f"The runs of a sweep have {len(kinds)} kinds of config.run.coordinator, processes and "
            "process, expected one."
        )
    prepare_machine()
    join_processes(next(iter(runs.values())).run)


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if names[8:] else "")


def _report(workdir: Path, plan: Mapping[str, Mapping[str, Any]]) -> None:
    """The comparisons of each folder, the pictures of each rule and the table."""
    tables, by_rule = [], {}
    for folder, configs in plan.items():
        folders = {name: workdir / folder / name for name in configs}
        finished = [name for name in configs if is_trained(configs[name], folders[name])]
        if finished:
            title = markdown.escaped(folder)
            tables.append(f"## {title}\n\n{_compare(workdir / folder, finished)}")
        for name in finished:
            by_rule.setdefault(name, []).append(read_run(folders[name]))
    write_whole(workdir / SUMMARY, "\n".join(tables))
    for name, runs in by_rule.items():
        save_png(workdir / f"{name}.png", stack([picture([run]) for run in runs]))


def _compare(folder: Path, names: Sequence[str]) -> str:
    """The table, or why there is none (runs of several resolutions)."""
    try:
        write_comparison(folder, folder, names)
    except UserError as error:
        return f"{markdown.escaped(str(error))}\n"
    return (folder / TABLE).read_text(encoding="utf-8")


def _main(values: Any) -> None:
    failures = sweep(values.configs, values.workdir, values.config_field)
    summary = workdir_of(values.workdir) / SUMMARY
    if is_first() and summary.is_file():
        print(summary.read_text(encoding="utf-8"))
    if failures:
        raise UserError(f"{len(failures)} runs failed: {', '.join(failures)}.")


def _define() -> None:
    flags.DEFINE_list("configs", None, "tasks, or folders of configurations", required=True)
    app.define_workdir("the folder for all runs")
    app.define_config_fields()


COMMAND = app.Command("sweep", __doc__, _main, _define)
if __name__ == "__main__":
    app.run(COMMAND)
