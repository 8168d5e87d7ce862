"""Every rule on the same task:
`python -m sdjax.sweep --configs=configs/embedded_2d,configs/embedded_3d --workdir=runs/sweep`.

Trains all configurations of one or more folders, one after the other; the same command again goes
on where it was interrupted.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from sdjax.commands import app
from sdjax.compare import TABLE, compare, picture, read_run
from sdjax.config.errors import UserError
from sdjax.config.loading import load_config
from sdjax.config.training_checks import check_config
from sdjax.runs.workdir import make_folder, read_config
from sdjax.train import train

SHARED = "common.py"  # of a folder's configurations, and none itself


def sweep(
    folders: Sequence[str | Path], workdir: str | Path, overrides: Any = None
) -> dict[str, str]:
    """Train every configuration of `folders`, and compare those of each folder.

    Writes the run of configs/<folder>/<rule>.py to `<workdir>/<folder>/<rule>`, a comparison
    (`sdjax.compare`) beside the runs of each folder, `<workdir>/<rule>.png` with the results of a
    rule in all folders, and one table of everything, `<workdir>/sweep.md`.  A run that fails is
    left out and costs the others nothing; one that is finished is not repeated.

    Args:
        folders: folders of configurations of `sdjax.train`; `common.py` and those of other
            commands are no runs.
        workdir: where to write.
        overrides: fields of all configurations to replace, as for `sdjax.train`.

    Returns:
        What went wrong, by the name of the run.

    Raises:
        UserError: before anything is trained, if a folder holds no configuration, two folders
            have one name, or a configuration or an override is not valid.
    """
    plan = {folder.name: _configs(folder, overrides or {}) for folder in _folders(folders)}
    make_folder(workdir)
    failures = {}
    for folder, configs in plan.items():
        for name, config in configs.items():
            problem = _train(config, Path(workdir) / folder / name)
            if problem:
                failures[f"{folder}/{name}"] = problem
    _report(Path(workdir), plan)
    return failures


def _folders(folders: Sequence[str | Path]) -> list[Path]:
    paths = [Path(folder) for folder in folders]
    if len({path.name for path in paths}) < len(paths):
        named = ", ".join(map(str, paths))
        raise UserError(f"--configs={named} has two folders of one name, expected different ones.")
    return paths


def _configs(folder: Path, overrides: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
    """The configurations of a folder by the names of their files."""
    files = [path for path in sorted(folder.glob("*.py")) if path.name != SHARED]
    read = {path.stem: load_config(path) for path in files}
    configs = {name: config for name, config in read.items() if {"rule", "stages"} <= set(config)}
    if not configs:
        raise UserError(f"--configs={folder} holds no configuration of sdjax.train.")
    configs = {name: load_config(config, overrides) for name, config in configs.items()}
    for name, config in configs.items():
        try:
            check_config(config)
        except UserError as error:
            raise UserError(f"{folder / name}.py: {error}") from error
    return configs


def _train(config: Any, folder: Path) -> str:
    """What went wrong, or nothing."""
    import jax

    if _is_finished(config, folder):
        return ""
    print(f"== {folder}", flush=True)
    try:
        train(config, folder)
    except UserError as error:
        print(f"sdjax: error: {error}", flush=True)
        return str(error)
    finally:
        jax.clear_caches()  # no two rules share a program
    return ""


def _is_finished(config: Any, folder: Path) -> bool:
    from sdjax.runs.outputs import METRICS

    return (folder / METRICS).is_file() and read_config(folder) == config


def _report(workdir: Path, plan: Mapping[str, Mapping[str, Any]]) -> None:
    """The comparisons of each folder, the pictures of each rule and the table."""
    from sdjax.reports.pictures import save_png, stack

    tables, by_rule = [], {}
    for folder, configs in plan.items():
        folders = {name: workdir / folder / name for name in configs}
        finished = [name for name in configs if _is_finished(configs[name], folders[name])]
        if finished:
            tables.append(f"## {folder}\n\n{_compare(workdir / folder, finished)}")
        for name in finished:
            by_rule.setdefault(name, []).append(read_run(folders[name]))
    (workdir / "sweep.md").write_text("\n".join(tables))
    for name, runs in by_rule.items():
        save_png(workdir / f"{name}.png", stack([picture([run]) for run in runs]))


def _compare(folder: Path, names: Sequence[str]) -> str:
    """The table, or why there is none (runs of several resolutions)."""
    try:
        compare(folder, runs=names)
    except UserError as error:
        return f"{error}\n"
    return (folder / TABLE).read_text()


def main() -> None:
    """The command."""
    values = flags.FLAGS
    failures = sweep(values.configs, values.workdir, values.config_field)
    print(Path(values.workdir, "sweep.md").read_text())
    if failures:
        raise UserError(f"{len(failures)} runs failed: {', '.join(failures)}.")


if __name__ == "__main__":
    flags.DEFINE_list("configs", None, "folders of configurations", required=True)
    flags.DEFINE_string("workdir", None, "the folder for all runs", required=True)
    app.define_config_fields()
    app.run(main)
