"""Configurations: files with a `get_config()`, completed with defaults, and overrides of fields."""

import copy
import inspect
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.config.finding import find
from sdjax.config.tables import (
    Schema,
    check,
    complete,
    flatten,
    is_table,
    not_a_field,
    place,
    rename,
    resolve,
    short,
)

Overrides = Mapping[str, Any] | Sequence[str]


def load(source: Any, overrides: Overrides, schema: Schema) -> FrozenConfigDict:
    """The configuration of `source` with some fields replaced, complete, immutable and hashable.

    Args:
        source: the path of a Python file with `get_config()`, with what that takes behind a
            colon ("configs/embedded_2d.py:dsd"); a configuration of the package by its name
            ("embedded_2d:dsd"); a module with `get_config()`; a ConfigDict or dict (which stays
            as it is).
        overrides: `{"rule.name": "dsd"}` (tables may be nested), or texts as on the command
            line, `["rule.name=dsd", "camera.elevation=-10,45"]`.
        schema: of the command.

    Raises:
        UserError: if the file cannot be read or fails, a field does not exist (the nearest is
            named), is missing, or has a value that it does not accept.
    """
    return freeze(complete(overridden(read(source), pairs(overrides), schema), schema))


def overridden(
    table: dict[str, Any], changes: Sequence[tuple[str, Any]], schema: Schema
) -> dict[str, Any]:
    """`table` with fields replaced; choices first, since they decide which fields there are."""
    for name, value in changes:
        table = rename(table, name, str(value), schema)
    fields = dict(resolve(schema, table))
    result = copy.deepcopy(table)
    for name, value in changes:
        if isinstance(value, Text) and name in fields:
            value = fields[name].parse(str(value))
        if name not in fields:
            raise UserError(not_a_field(name, schema, table, fields))
        check(name, plain(value), fields[name])
        place(result, name, plain(value))
    return result


class Text(str):
    """A value from the command line, still to be read as the type of its field."""


def pairs(overrides: Overrides) -> list[tuple[str, Any]]:
    """The dotted names and values of overrides."""
    if isinstance(overrides, Mapping):
        return list(flatten(overrides).items())
    return [_split(override) for override in overrides]


def freeze(table: Mapping[str, Any]) -> FrozenConfigDict:
    """A nested table that is immutable, hashable and equal to another with the same values."""
    return FrozenConfigDict({name: _freeze(name, value) for name, value in table.items()})


def plain(value: Any) -> Any:
    """A scalar of numpy as one of Python."""
    return value.item() if hasattr(value, "dtype") and not getattr(value, "shape", (1,)) else value


def as_stored(
    load: Callable[[Any], FrozenConfigDict],
) -> Callable[[Mapping[str, Any]], FrozenConfigDict]:
    """From a configuration that an earlier version has stored to what it means today: what `load`
    completes it to, or itself where that is refused, as of another command."""

    def former(stored: Mapping[str, Any]) -> FrozenConfigDict:
        try:
            return load(stored)
        except UserError:
            return freeze(stored)

    return former


def read(source: Any) -> dict[str, Any]:
    """What a source says, as nested dicts of its own; see `load`."""
    if isinstance(source, str | os.PathLike):
        path, argument = find(source)
        return _table(read_file(path, argument), str(path))
    if hasattr(source, "get_config"):
        return _table(source.get_config(), short(source))
    return _table(source, short(source))


def read_file(path: Path, argument: str | None = None) -> Any:
    """What the file's `get_config()`, or `get_config(argument)`, returns; the source is compiled
    afresh, never taken from a cache."""
    get_config = run_file(path)["get_config"]
    takes = inspect.signature(get_config).parameters
    if argument is not None and not takes:
        raise UserError(f"--config={path}:{argument} names '{argument}', but {path} takes nothing.")
    return _call(path, lambda: get_config() if argument is None else get_config(argument))


def rules_of(source: str | os.PathLike) -> tuple[str, ...]:
    """The rules that a task has, a file whose `get_config(rule)` takes one of its `RULES`; none of
    any other file."""
    return tuple(run_file(find(source)[0]).get("RULES", ()))


def run_file(path: Path) -> dict[str, Any]:
    """What the file defines, `get_config` among it."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"The configuration file {path} cannot be read: {error.strerror}."
        ) from error
    namespace: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    _call(path, lambda: exec(compile(source, str(path), "exec"), namespace))
    if not callable(namespace.get("get_config")):
        raise UserError(f"The configuration file {path} has no function get_config().")
    return namespace


def _call(path: Path, function: Callable[[], Any]) -> Any:
    try:
        return function()
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        where = f" in line {lines[-1]}" if lines else ""
        raise UserError(
            f"The configuration file {path} failed{where}: {type(error).__name__}: {error}"
        ) from error


def _table(value: Any, where: str) -> dict[str, Any]:
    if isinstance(value, ConfigDict):  # a FrozenConfigDict is one, too
        return value.to_dict()
    if isinstance(value, Mapping):
        try:
            table = ConfigDict(value).to_dict()
        except (ValueError, TypeError) as error:
            raise UserError(f"{where} is no configuration: {error}") from error
        return {str(name): inner for name, inner in table.items()}  # 3 is no field, and told so
    raise UserError(
        f"{where} is no configuration but {short(value)}, expected a path, a module, a ConfigDict "
        "or a dict."
    )


def _freeze(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {inner: _freeze(f"{name}.{inner}", item) for inner, item in value.items()}
    if isinstance(value, tuple | list):
        if any(is_table(item) for item in value):
            raise UserError(f"config.{name} is a sequence of tables, expected plain values.")
        return tuple(_freeze(name, item) for item in value)
    return value


def _split(override: str) -> tuple[str, Text]:
    name, equals, value = override.partition("=")
    name = name.removeprefix("--").removeprefix("config.")
    if not equals:
        raise UserError(f"config.{name} has no value, expected --config.{name}=VALUE.")
    return name, Text(value)
