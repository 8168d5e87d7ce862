"""The folder of a run: made once, reopened only by the run that it belongs to."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.config.loading import freeze
from sdjax.config.tables import flatten
from sdjax.files.plain_files import load_json
from sdjax.files.whole_files import write_json
from sdjax.runs import lock

CONFIG = "config.json"
Settings = ConfigDict | Mapping[str, Any]


def open_workdir(
    path: str | Path,
    config: Settings,
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
    folder = workdir_of(path)
    resolved = config.to_dict() if isinstance(config, ConfigDict) else dict(config)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = {path.name for path in folder.iterdir()} - {CONFIG, lock.FILE}
        if (folder / CONFIG).exists() and others:
            there = _understood(folder, former)
            refuse_other(there, resolved, f"--workdir={folder} holds a run with", ignore)
        write_json(folder / CONFIG, resolved, sort_keys=True)
    except FileExistsError as error:
        raise UserError(f"--workdir={path} {_is_no_folder(folder)}") from error
    except OSError as error:
        raise UserError(f"--workdir={path} cannot be written ({error.strerror}).") from error
    return folder


def _understood(
    folder: Path, former: Callable[[Mapping[str, Any]], FrozenConfigDict]
) -> FrozenConfigDict:
    """What the configuration in a folder means today."""
    stored = read_config(folder).to_dict()
    try:
        return former(stored)
    except UserError as error:
        raise UserError(f"{folder / CONFIG}: {error}") from error


def workdir_of(path: str | Path, option: str = "--workdir") -> Path:
    """The folder that an option names, `~` being the home; raises a UserError for none."""
    if not str(path).strip():
        raise UserError(f"{option} is empty, expected a folder such as runs/first.")
    try:
        str(path).encode()
        return Path(path).expanduser()
    except UnicodeEncodeError as error:
        raise UserError(f"{option}={str(path)!r} is not UTF-8, expected a name that is.") from error
    except RuntimeError as error:
        raise UserError(f"{option}={path} begins with a home that is not known.") from error


def _is_no_folder(path: Path) -> str:
    """What a sentence says of something in the way of a folder."""
    kind = "a link to nothing" if path.is_symlink() and not path.exists() else "a file"
    return f"is {kind}, expected a folder."


def make_folder(path: str | Path) -> Path:
    """Makes a folder for results; raises a UserError if it cannot be written."""
    folder = workdir_of(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UserError(f"{path} {_is_no_folder(folder)}") from error
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
    file = Path(path) / CONFIG
    try:
        stored = load_json(file)
    except FileNotFoundError as error:
        raise UserError(f"--workdir={path} holds no run ({CONFIG} is missing).") from error
    except OSError as error:
        raise UserError(f"--workdir={path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise UserError(_damaged(file, error)) from error
    if not isinstance(stored, dict):
        raise UserError(_damaged(file, f"a {type(stored).__name__}, expected a table"))
    try:
        return freeze(stored)
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(_damaged(file, error)) from error


def _damaged(file: Path, reason: Any) -> str:
    return (
        f"{file} is damaged ({' '.join(str(reason).split())[:200]}); remove it and give the "
        "command that began the run."
    )


def refuse_other(
    there: Settings, config: Settings, holder: str, ignore: Sequence[str] = ()
) -> None:
    """Raises a UserError unless two configurations are those of one run.

    Args:
        there: what lies somewhere.
        config: what is wanted.
        holder: the beginning of the sentence, "--workdir=runs/a holds a run with".
        ignore: dotted fields (or tables) that may differ.
    """
    there, here = (flatten(freeze(dict(one.items()))) for one in (there, config))
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
            f"{holder} another configuration ({named}{more}); choose another --workdir."
        )
