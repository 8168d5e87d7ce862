"""What a configuration may contain: a table of its fields, checked with one sentence each.

    schema = {
        "prompt": text(),
        "steps": whole(at_least=1),
        "camera": {"elevation": interval(number(at_least=-90, at_most=90))},
        "rule": choice("name", {"sds": {}, "dsd": {"delta": number(above=0)}}),
    }

A configuration has exactly the fields of its schema: one too many or one too few is an error.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from sdjax.config.errors import UserError, did_you_mean, nearest


class Field(NamedTuple):
    """What one field accepts."""

    expected: str  # ends the sentence "config.steps is 0, expected ..."
    accepts: Callable[[Any], bool]
    names: tuple[str, ...] = ()  # valid texts, with which a mistyped one is compared


class Choice(NamedTuple):
    """A table whose other fields depend on the name in `field`."""

    field: str
    tables: Mapping[str, Mapping]


Schema = Mapping[str, Any]  # of Field, Choice and further schemas
Bound = int | float | None


def flag() -> Field:
    """True or False."""
    return Field("True or False", lambda value: isinstance(value, bool))


def text() -> Field:
    """Any text."""
    return Field("a text", lambda value: isinstance(value, str))


def one_of(*names: str) -> Field:
    """One of the given texts."""
    return Field(f"one of {', '.join(names)}", lambda value: value in names, names)


def whole(*, at_least: int | None = None, at_most: int | None = None) -> Field:
    """A whole number within bounds."""

    def accepts(value: Any) -> bool:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and _within(value, at_least, at_most, None)

    return Field("a whole number" + _bounds(at_least, at_most, None), accepts)


def number(*, at_least: Bound = None, at_most: Bound = None, above: Bound = None) -> Field:
    """A finite number, whole or not, within bounds; `above` is an open lower bound."""

    def accepts(value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and math.isfinite(value) and _within(value, at_least, at_most, above)

    return Field("a number" + _bounds(at_least, at_most, above), accepts)


def several(field: Field, *, count: int | None = None) -> Field:
    """A tuple or list of values that `field` accepts: `count` of them, or one or more."""

    def accepts(value: Any) -> bool:
        fits = isinstance(value, tuple | list) and len(value) == (count or max(1, len(value)))
        return fits and all(map(field.accepts, value))

    return Field(f"{count or 'one or more'} values, each {field.expected}", accepts)


def interval(field: Field) -> Field:
    """Two values that `field` accepts, the first not above the second."""
    pair = several(field)
    return Field(
        f"2 values in ascending order, each {field.expected}",
        lambda value: pair.accepts(value) and len(value) == 2 and value[0] <= value[1],
    )


def ramp(field: Field) -> Field:
    """What `field` accepts, or such a value that changes: (first step, first, last, last step).

    One value in brackets is that value: so a command line may replace what changes.
    """
    step = number(at_least=0)

    def accepts(value: Any) -> bool:
        if not isinstance(value, tuple | list):
            return field.accepts(value)
        if len(value) == 1:
            return field.accepts(value[0])
        if len(value) != 4 or not all(map(step.accepts, value[::3])):
            return False
        return all(map(field.accepts, value[1:3])) and value[0] <= value[3]

    expected = f"{field.expected}, or (first step, first value, last value, last step)"
    return Field(expected, accepts)


def optional(field: Field) -> Field:
    """None, or what `field` accepts."""
    return Field(
        f"{field.expected} or None",
        lambda value: value is None or field.accepts(value),
        field.names,
    )


def choice(field: str, tables: Mapping[str, Schema]) -> Choice:
    """A table in which `field` names one of `tables`, which lists the table's other fields."""
    return Choice(field, tables)


def validate(config: Mapping[str, Any] | ConfigDict, schema: Schema) -> None:
    """Checks that `config` has exactly the fields of `schema` and that each accepts its value.

    Raises:
        UserError: the first violation, with the field's dotted name.
    """
    config = config.to_dict() if isinstance(config, ConfigDict) else config
    values = flatten(config)
    fields = dict(_resolve(schema, config, ""))
    for name in values:
        if name not in fields:
            where = _condition(name, schema, config)
            raise UserError(
                f"config.{name} is not a field{where}; "
                f"the nearest is config.{nearest(name, fields)}."
            )
    for name, field in fields.items():
        if name not in values:
            where = _condition(name, schema, config)
            raise UserError(f"config.{name} is missing{where}, expected {field.expected}.")
        check(name, values[name], field)


def check(name: str, value: Any, field: Field) -> None:
    """Raises a UserError unless `field` accepts `value`."""
    if not field.accepts(value):
        hint = did_you_mean(value, field.names) if isinstance(value, str) else "."
        raise UserError(f"config.{name} is {_short(value)}, expected {field.expected}{hint}")


def flatten(config: Mapping[str, Any] | ConfigDict, prefix: str = "") -> dict[str, Any]:
    """The leaves of nested tables by their dotted names, in order."""
    leaves = {}
    for name, value in config.items():
        is_table = isinstance(value, Mapping | ConfigDict)
        leaves |= flatten(value, f"{prefix}{name}.") if is_table else {prefix + name: value}
    return leaves


def _resolve(schema: Schema | Choice, config: Any, prefix: str) -> Iterator[tuple[str, Field]]:
    """The dotted names and fields of a schema, with its choices made as `config` makes them."""
    if not isinstance(config, Mapping):
        raise UserError(f"config.{prefix[:-1]} is {_short(config)}, expected a table of fields.")
    if isinstance(schema, Choice):
        schema = _chosen(schema, config, prefix)
    for name, entry in schema.items():
        if isinstance(entry, Field):
            yield prefix + name, entry
        else:
            yield from _resolve(entry, config.get(name, {}), f"{prefix}{name}.")


def _chosen(entry: Choice, config: Mapping[str, Any], prefix: str) -> Schema:
    names = one_of(*entry.tables)
    if entry.field not in config:
        raise UserError(f"config.{prefix}{entry.field} is missing, expected {names.expected}.")
    check(prefix + entry.field, config[entry.field], names)
    return {entry.field: names, **entry.tables[config[entry.field]]}


def _condition(name: str, schema: Schema, config: Mapping[str, Any]) -> str:
    """`" when config.rule.name is 'dsd'"` if `name` lies in a table that depends on a choice."""
    condition, path = "", ""
    for part in name.split("."):
        if isinstance(schema, Choice):
            made = config[schema.field]
            condition = f" when config.{path}{schema.field} is '{made}'"
            schema = schema.tables[made]
        schema, config = schema.get(part, {}), config.get(part, {})
        if not isinstance(schema, Mapping | Choice) or not isinstance(config, Mapping):
            break
        path += f"{part}."
    return condition


def _within(value: int | float, at_least: Bound, at_most: Bound, above: Bound) -> bool:
    return (
        (at_least is None or value >= at_least)
        and (at_most is None or value <= at_most)
        and (above is None or value > above)
    )


def _bounds(at_least: Bound, at_most: Bound, above: Bound) -> str:
    if at_least is not None and at_most is not None:
        return f" from {at_least} to {at_most}"
    bounds = {"of at least": at_least, "above": above, "of at most": at_most}
    named = [f"{name} {bound}" for name, bound in bounds.items() if bound is not None]
    return " " + " and ".join(named) if named else ""


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
