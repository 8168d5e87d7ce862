"""Configurations: ml_collections files with a `get_config()`, and overrides of their fields."""

import ast
import copy
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.config.errors import UserError, did_you_mean, nearest
from sdjax.config.fields import Field, check, flag, flatten, number, several, text, whole

ANYTHING = Field("anything", lambda value: True)


def load_config(source: Any, overrides: Mapping[str, Any] | Sequence[str] = ()) -> FrozenConfigDict:
    """The configuration of `source` with some fields replaced, immutable and hashable.

    Args:
        source: the path of a Python file with `get_config()`, a module with it, or a
            ConfigDict or dict (which stays as it is).
        overrides: `{"rule.name": "dsd"}` (tables may be nested), or texts as on the command
            line, `["rule.name=dsd", "camera.elevation=-10,45"]`.  A text is read as the type
            that the field has: sequences as `1,2` or `(1, 2)`, None as `None`; where the field
            is None, as a Python literal or else as text.

    Raises:
        UserError: if the file cannot be read or fails, a field does not exist (the nearest is
            named), or a value is not of the field's type; None is always accepted here.
    """
    config = _read(source)
    for name, value in _pairs(overrides):
        _override(config, name, value)
    return freeze(config.to_dict())


def freeze(table: Mapping[str, Any]) -> FrozenConfigDict:
    """A nested table that is immutable, hashable and equal to another with the same values."""
    return FrozenConfigDict({name: _freeze(name, value) for name, value in table.items()})


def _freeze(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {inner: _freeze(f"{name}.{inner}", item) for inner, item in value.items()}
    if isinstance(value, tuple | list):
        if any(isinstance(item, Mapping | ConfigDict) for item in value):
            raise UserError(f"config.{name} is a sequence of tables, expected plain values.")
        return tuple(_freeze(name, item) for item in value)
    return value


def _read(source: Any) -> ConfigDict:
    if isinstance(source, str | os.PathLike):
        return _read_file(Path(source))
    if isinstance(source, FrozenConfigDict):
        return ConfigDict(source.to_dict())
    if isinstance(source, ConfigDict):
        return copy.deepcopy(source)
    if isinstance(source, Mapping):
        return ConfigDict(source)
    if hasattr(source, "get_config"):
        return ConfigDict(source.get_config())
    raise UserError(f"{source!r} is no configuration, expected a path, a module or a ConfigDict.")


def _read_file(path: Path) -> ConfigDict:
    """Runs the file's `get_config()`; the source is compiled afresh, never taken from a cache."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UserError(_unreadable(path, error)) from error
    namespace: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    _call(path, lambda: exec(compile(source, str(path), "exec"), namespace))
    if "get_config" not in namespace:
        raise UserError(f"The configuration file {path} has no function get_config().")
    config = _call(path, namespace["get_config"])
    if not isinstance(config, Mapping | ConfigDict):
        raise UserError(f"get_config() of {path} returned {config!r}, expected a ConfigDict.")
    return ConfigDict(config)


def _unreadable(path: Path, error: OSError) -> str:
    if not path.parent.is_dir():
        return f"There is no configuration file {path}: {path.parent} is not a folder."
    if path.exists():
        return f"The configuration file {path} cannot be read: {error.strerror}."
    others = [str(other) for other in sorted(path.parent.glob("*.py"))]
    return f"There is no configuration file {path}{did_you_mean(str(path), others)}"


def _call(path: Path, function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        where = f" in line {lines[-1]}" if lines else ""
        raise UserError(
            f"The configuration file {path} failed{where}: {type(error).__name__}: {error}"
        ) from error


def _pairs(overrides: Mapping[str, Any] | Sequence[str]) -> list[tuple[str, Any]]:
    if isinstance(overrides, Mapping):
        return list(flatten(overrides).items())
    return [_split(override) for override in overrides]


def _split(override: str) -> tuple[str, "_Text"]:
    name, equals, value = override.partition("=")
    name = name.removeprefix("--").removeprefix("config.")
    if not equals:
        raise UserError(f"config.{name} has no value, expected --config.{name}=VALUE.")
    return name, _Text(value)


class _Text(str):
    """A value from the command line, still to be read as the type of its field."""


def _override(config: ConfigDict, name: str, value: Any) -> None:
    fields = flatten(config)
    if name not in fields:
        inner = [field for field in fields if field.startswith(f"{name}.")]
        if inner:
            raise UserError(
                f"config.{name} is a table; set one of its fields, as config.{inner[0]}."
            )
        raise UserError(
            f"config.{name} is not a field; the nearest is config.{nearest(name, fields)}."
        )
    current = fields[name]
    value = _read_text(value, current) if isinstance(value, _Text) else value
    *tables, last = name.split(".")
    table = config
    for part in tables:
        table = table[part]
    with config.ignore_type():
        table[last] = _convert(name, value, current)


def _read_text(given: str, current: Any) -> Any:
    if given == "None":
        return None
    if isinstance(current, str):
        return str(given)
    if isinstance(current, tuple | list):
        return _read_sequence(given)
    return _literal(given.capitalize() if given in ("true", "false") else given)


def _read_sequence(given: str) -> Any:
    value = _literal(given)
    if isinstance(value, tuple | list):
        return value
    value = _literal(f"({given},)")
    return value if isinstance(value, tuple) else tuple(given.split(","))


def _literal(given: str) -> Any:
    try:
        return ast.literal_eval(given)
    except (ValueError, SyntaxError):
        return str(given)


def _convert(name: str, value: Any, current: Any) -> Any:
    """`value` as the type of `current`: whole numbers become floats, lists become tuples."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None:
        return None
    if isinstance(current, float) and isinstance(value, tuple | list):
        check(name, value, several(number()))  # a number may change in the course of a run
        return tuple(map(float, value))
    check(name, value, _kind(current))
    if isinstance(current, float):
        return float(value)
    if isinstance(value, tuple | list):
        floats = bool(current) and all(isinstance(item, float) for item in current)
        return tuple(map(float, value)) if floats else tuple(value)
    return value


def _kind(current: Any) -> Field:
    """What a field accepts that has the value `current`; the kinds of a sequence's items
    are kept as far as numbers and texts go."""
    kinds = {bool: flag(), int: whole(), float: number(), str: text()}
    if not isinstance(current, tuple | list):
        return kinds.get(type(current), ANYTHING)
    items = {kinds.get(type(item), ANYTHING).expected for item in current}
    if items and items <= {number().expected, whole().expected}:
        return several(number())
    return several(text() if items == {text().expected} else ANYTHING)
