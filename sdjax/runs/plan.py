"""What a sweep trains: tasks with all of their rules, and folders of configurations."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.config.finding import find
from sdjax.config.loading import Overrides, pairs, read, rules_of
from sdjax.runs.combinations import check_config
from sdjax.runs.schema import load_config


def planned(
    sources: Sequence[str | Path], overrides: Overrides = ()
) -> dict[str, dict[str, FrozenConfigDict]]:
    """The configurations by the names of their runs' folders and of their runs; raises a UserError
    as `sdjax.sweep`."""
    if any(name == "rule.name" for name, _ in pairs(overrides)):
        raise UserError(
            "config.rule.name is given, but a sweep trains every rule; for one rule take "
            "`sdjax train --config=TASK:RULE`."
        )
    return {name: _configs(source, overrides) for name, source in _sources(sources).items()}


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
