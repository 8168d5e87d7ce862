"""Schemas: the tables of a whole configuration, completed with defaults and checked.

    schema = {
        "prompt": text().of("a house", "what to make"),
        "camera": {"elevation": interval(number()).of((-10.0, 45.0), "degrees")},
        "annealing": Choice(ANNEALINGS, "linear"),
    }

A configuration may leave out what has a default.  Completed, it has exactly the fields of its
schema: one too many is an error that names the nearest.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from sdjax.config.errors import UserError, did_you_mean, short
from sdjax.config.fields import LARGEST_WHOLE, REQUIRED, Field, is_whole
from sdjax.config.kinds import Choice, Table
from sdjax.config.synonyms import nearest_field

Schema = Mapping[str, Any]  # of Field, Choice and further schemas


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """The leaves of nested tables by their dotted names, in order; an empty table is one."""
    leaves = {}
    for name, value in config.items():
        is_leaf = not is_table(value) or not len(value)
        leaves |= {f"{prefix}{name}": value} if is_leaf else flatten(value, f"{prefix}{name}.")
    return leaves


def is_table(value: Any) -> bool:
    """Whether a value is a table: a mapping, or a ConfigDict, which is none."""
    return isinstance(value, Mapping) or hasattr(value, "items")


def table_in(table: Any, name: str) -> Table:
    """The table of that name; an empty one where there is none, or something else, which `complete`
    refuses."""
    inner = table.get(name, {})
    return inner if is_table(inner) else {}


def resolve(schema: Schema | Choice, table: Any, prefix: str = "") -> Iterator[tuple[str, Field]]:
    """The dotted names and fields of a schema, with its choices made as `table` makes them.

    Raises a UserError for a value where a table should be, and for an unknown choice.
    """
    if not is_table(table):
        raise UserError(f"config.{prefix[:-1]} is {short(table)}, expected a table of fields.")
    for name, entry in _chosen(schema, table, prefix).items():
        if isinstance(entry, Field):
            yield prefix + name, entry
        else:
            yield from resolve(entry, table.get(name, {}), f"{prefix}{name}.")


def complete(table: Any, schema: Schema | Choice, prefix: str = "") -> dict[str, Any]:
    """`table` with the defaults of what it leaves out, checked and converted, in the schema's
    order.

    Raises:
        UserError: the first violation, with the field's dotted name.
    """
    fields = dict(resolve(schema, table, prefix))
    values = flatten(table, prefix)
    for name, value in values.items():
        if name not in fields and not (is_table(value) and inner_fields(name, fields)):
            raise UserError(not_a_field(name, schema, table, fields, prefix))
    result: dict[str, Any] = {}
    for name, field in fields.items():
        value = values.get(name, field.default)
        if value is REQUIRED:
            where = _condition(name, schema, table, prefix)
            raise UserError(f"config.{name} is missing{where}, expected {field.expected}.")
        check(name, value, field)
        place(result, name[len(prefix) :], field.convert(value))
    return result


def check(name: str, value: Any, field: Field) -> None:
    """Raises a UserError unless `field` accepts `value`."""
    if not field.accepts(value):
        hint = did_you_mean(value, field.names) if isinstance(value, str) else "."
        expected = _of_every_field(value) or field.expected + hint
        raise UserError(f"config.{name} is {short(value)}, expected {expected}")


def _of_every_field(value: Any) -> str:
    """What is expected of a value, or of all that it holds, where no field takes it."""
    values = value if isinstance(value, tuple | list) else (value,)
    if any(isinstance(one, int) and one > LARGEST_WHOLE for one in values):
        return f"at most {LARGEST_WHOLE}."
    if any(isinstance(one, str) and not is_whole(one) for one in values):
        return "whole characters; a part of one ('\\ud800' to '\\udfff') is no text."
    return ""


def place(table: dict[str, Any], name: str, value: Any) -> None:
    """Sets a field by its dotted name, and makes the tables on the way."""
    *tables, last = name.split(".")
    for part in tables:
        table = table.setdefault(part, {})
    table[last] = value


def rename(table: dict[str, Any], name: str, chosen: str, schema: Schema) -> dict[str, Any]:
    """`table` after the choice at the dotted `name` ("scene.name") has become `chosen`.

    A field that both kinds have keeps its value, the others are the new kind's defaults.
    """
    *path, last = name.split(".")
    place_of, inner = schema, table
    for part in path:
        entry = {} if isinstance(place_of, Field) else _chosen(place_of, inner, "")
        place_of, inner = entry.get(part, {}), table_in(inner, part)
    if not isinstance(place_of, Choice) or last != "name" or chosen not in place_of.kinds:
        return table
    former = place_of.kinds.get(inner.get("name", place_of.default))
    kept = {
        key: value for key, value in inner.items() if _alike(key, former, place_of.kinds[chosen])
    }
    result = copy.deepcopy(table)
    place(result, ".".join(path), kept | {"name": chosen})
    return result


def inner_fields(name: str, fields: Mapping[str, Field]) -> list[str]:
    """Those of `fields` that lie in the table with a dotted name."""
    return [field for field in fields if field.startswith(f"{name}.")]


def not_a_field(
    name: str, schema: Schema | Choice, table: Any, fields: Mapping[str, Field], prefix: str = ""
) -> str:
    """The sentence about a dotted name that is none of `fields`."""
    inner = inner_fields(name, fields)
    if inner:
        return f"config.{name} is a table; set one of its fields, as config.{inner[0]}."
    where = _condition(name, schema, table, prefix)
    return f"config.{name} is not a field{where}; the nearest is {nearest_field(name, fields)}."


def _alike(name: str, former: Any, chosen: Any) -> bool:
    """Whether two kinds have the same field (it accepts the same), table or choice."""
    if former is None or name not in former.fields or name not in chosen.fields:
        return False
    one, other = former.fields[name], chosen.fields[name]
    if isinstance(one, Field) and isinstance(other, Field):
        return one.accepts is other.accepts
    return one is other


def _chosen(entry: Schema | Choice, table: Any, prefix: str) -> Schema:
    if not isinstance(entry, Choice):
        return entry
    name = table.get("name", entry.default)
    if name is REQUIRED:
        raise UserError(f"config.{prefix}name is missing, expected {entry.field.expected}.")
    check(f"{prefix}name", name, entry.field)
    return {"name": entry.field, **entry.kinds[name].fields}


def _condition(name: str, schema: Schema | Choice, table: Any, prefix: str = "") -> str:
    """`" when config.rule.name is 'dsd'"` if `name` lies in a table that depends on a choice."""
    condition, path = "", prefix
    for part in name.removeprefix(prefix).split("."):
        if isinstance(schema, Choice):
            made = table.get("name", schema.default)
            condition = f" when config.{path}name is '{made}'"
        schema = _chosen(schema, table, path).get(part, {})
        table = table.get(part, {}) if is_table(table) else {}
        if isinstance(schema, Field) or not is_table(table):
            break
        path += f"{part}."
    return condition
