"""The folder of a run: made once, reopened only by the run that it belongs to."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.config.loading import freeze
from sdjax.config.tables import flatten
from sdjax.reports.whole_files import write_whole

CONFIG = "config.json"


def open_workdir(
    path: str | Path,
    config: ConfigDict | Mapping[str, Any],
    ignore: Sequence[str] = (),
    former: Callable[[Mapping[str, Any]], FrozenConfigDict] = freeze,
) -> Path:
    """Makes the folder of a run, or reopens it to resume the run.

    The resolved configuration is written to `<path>/config.json`, fields in alphabetical
    order.

    Args:
        path: the folder; its parents are made too.
        config: the resolved configuration; its values are numbers, texts, sequences, None.
        ignore: dotted fields (or tables) that may differ from those of the run so far.
        former: what a configuration that lies there means today.

    Raises:
        UserError: if the folder holds a run with another configuration (it names the first
            fields that differ, and nothing is changed), or cannot be written.  A run that stopped
            before it left anything, for instance because its weights were not found, is no run.
    """
    folder = Path(path)
    resolved = config.to_dict() if isinstance(config, ConfigDict) else dict(config)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CONFIG).exists() and len(list(folder.iterdir())) > 1:
            _refuse_other(folder, resolved, ignore, former)
        write_whole(folder / CONFIG, json.dumps(resolved, indent=2, sort_keys=True) + "\n")
    except FileExistsError as error:
        raise UserError(f"--workdir={path} is a file, expected a folder.") from error
    except OSError as error:
        raise UserError(f"--workdir={path} cannot be written ({error.strerror}).") from error
    return folder


def make_folder(path: str | Path) -> Path:
    """Makes a folder for results; raises a UserError if it cannot be written."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {path} cannot be written ({error.strerror}).") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"The folder {path} cannot be written (no permission).")
    return folder


def read_config(path: str | Path) -> FrozenConfigDict:
    """The configuration of the run in folder `path`, as it was written.

    Raises:
        UserError: if there is no run, or its configuration cannot be read.
    """
    try:
        return freeze(json.loads((Path(path) / CONFIG).read_text()))
    except FileNotFoundError as error:
        raise UserError(f"--workdir={path} holds no run ({CONFIG} is missing).") from error
    except OSError as error:
        raise UserError(f"--workdir={path} cannot be read ({error.strerror}).") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{Path(path) / CONFIG} is damaged ({error}).") from error


def _refuse_other(
    folder: Path,
    config: dict[str, Any],
    ignore: Sequence[str],
    former: Callable[[Mapping[str, Any]], FrozenConfigDict],
) -> None:
    there = flatten(former(read_config(folder).to_dict()))
    here = flatten(freeze(config))
    differing = [
        name
        for name in dict.fromkeys([*here, *there])
        if here.get(name, "absent") != there.get(name, "absent")
        and not any(f"{name}.".startswith(f"{ignored}.") for ignored in ignore)
    ]
    if differing:
        named = ", ".join(
            f"config.{name} is {there.get(name, 'absent')!r} there "
            f"and {here.get(name, 'absent')!r} here"
            for name in differing[:3]
        )
        more = f", and {len(differing) - 3} more" if differing[3:] else ""
        raise UserError(
            f"--workdir={folder} holds a run with another configuration "
            f"({named}{more}); choose another --workdir."
        )
