"""Every rule on the same task: `sdjax sweep --configs=small_2d,small_3d --workdir=runs/sweep`.

Trains each task with all of its rules, one after the other; the same command again goes on where it
was interrupted.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags
from ml_collections import FrozenConfigDict

from sdjax.commands import app
from sdjax.compare import TABLE, compare, picture
from sdjax.config.errors import UserError
from sdjax.config.finding import find
from sdjax.config.loading import Overrides, pairs, read, rules_of
from sdjax.files.whole_files import write_whole
from sdjax.reports import markdown
from sdjax.reports.pictures import save_png, stack
from sdjax.runs.combinations import check_config
from sdjax.runs.finished import is_finished, read_run
from sdjax.runs.run_folder import read_run_config
from sdjax.runs.schema import load_config
from sdjax.runs.workdir import make_folder, workdir_of
from sdjax.train import train

SUMMARY = "sweep.md"


def sweep(
    sources: Sequence[str | Path], workdir: str | Path, overrides: Overrides = ()
) -> dict[str, str]:
    """Train each task with all of its rules, and compare those of each task.

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
        What went wrong, by the name of the run.

    Raises:
        UserError: before anything is trained, if there is no such configuration, two sources have
            one name, or a configuration or an override is not valid.
    """
    if any(name == "rule.name" for name, _ in pairs(overrides)):
        raise UserError(
            "config.rule.name is given, but a sweep trains every rule; for one rule take "
            "`sdjax train --config=TASK:RULE`."
        )
    plan = {name: _configs(source, overrides) for name, source in _sources(sources).items()}
    workdir = make_folder(workdir)
    failures = {}
    for folder, configs in plan.items():
        for name, config in configs.items():
            problem = _train(config, workdir / folder / name)
            if problem:
                failures[f"{folder}/{name}"] = problem
    _report(workdir, plan)
    return failures


def _sources(sources: Sequence[str | Path]) -> dict[str, Path]:
    """Tasks and folders by the names of their runs' folders."""
    if not any(str(source).strip() for source in sources):
        raise UserError("--configs is empty, expected tasks such as embedded_2d, or folders.")
    paths = [_path(source) for source in sources if str(source).strip()]
    if len({path.stem for path in paths}) < len(paths):
        named = ", ".join(map(str, sources))
        raise UserError(f"--configs={named} has two of one name, expected different ones.")
    return {path.stem: path for path in paths}


def _path(source: str | Path) -> Path:
    path = Path(os.path.expanduser(source))
    return path if path.is_dir() else find(source)[0]


def _configs(source: Path, overrides: Overrides) -> dict[str, FrozenConfigDict]:
    """A task with each of its rules, or the training configurations of a folder, by their names."""
    if source.is_dir():
        files = {path.stem: path for path in sorted(source.glob("*.py"))}
        read_files = {name: read(path) for name, path in files.items()}
        tables = {name: table for name, table in read_files.items() if _is_training(table)}
        if not tables:
            raise UserError(f"--configs={source} holds no configuration of sdjax.train.")
    else:
        tables = {rule: read(f"{source}:{rule}") for rule in rules_of(source)}
        if not tables:
            raise UserError(
                f"--configs={source} is no task, expected a file that takes a rule, such as "
                "embedded_2d, or a folder."
            )
    configs = {}
    for name, table in tables.items():
        try:
            configs[name] = load_config(table, overrides)
            check_config(configs[name])
        except UserError as error:
            raise UserError(f"{source}, {name}: {error}") from error
    return configs


def _is_training(table: Mapping[str, Any]) -> bool:
    """Whether it is one; those of several runs, in `runs`, are an analysis's or a benchmark's."""
    return bool({"rule", "stages"} & set(table)) and "runs" not in table


def _train(config: Any, folder: Path) -> str:
    """What went wrong, or nothing."""
    if _is_finished(config, folder):
        return ""
    print(f"== {folder}", flush=True)
    try:
        failed = train(config, folder).metrics.get("failed", ())
    except UserError as error:
        print(f"sdjax: error: {error}", flush=True)
        return str(error)
    finally:
        jax.clear_caches()  # no two rules share a program
    return f"{len(failed)} seeds became infinite or NaN" if failed else ""


def _is_finished(config: Any, folder: Path) -> bool:
    """Whether the run is there and whole; for what is damaged `train` finds the words."""
    if not is_finished(folder):
        return False
    try:
        read_run(folder)
        return read_run_config(folder) == config
    except UserError:
        return False


def _report(workdir: Path, plan: Mapping[str, Mapping[str, Any]]) -> None:
    """The comparisons of each folder, the pictures of each rule and the table."""
    tables, by_rule = [], {}
    for folder, configs in plan.items():
        folders = {name: workdir / folder / name for name in configs}
        finished = [name for name in configs if _is_finished(configs[name], folders[name])]
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
        compare(folder, runs=names)
    except UserError as error:
        return f"{markdown.escaped(str(error))}\n"
    return (folder / TABLE).read_text(encoding="utf-8")


def _main(values: Any) -> None:
    failures = sweep(values.configs, values.workdir, values.config_field)
    print((workdir_of(values.workdir) / SUMMARY).read_text(encoding="utf-8"))
    if failures:
        raise UserError(f"{len(failures)} runs failed: {', '.join(failures)}.")


def _define() -> None:
    flags.DEFINE_list("configs", None, "tasks, or folders of configurations", required=True)
    app.define_workdir("the folder for all runs")
    app.define_config_fields()


COMMAND = app.Command("sweep", __doc__, _main, _define)
if __name__ == "__main__":
    app.run(COMMAND)
