"""A schema for tables of a test's own, which are complete and say themselves what they have."""

from collections.abc import Mapping
from typing import Any

from sdjax.config import loading
from sdjax.config.fields import Field, changing, flag, number, several, text, whole
from sdjax.config.tables import is_table

ANYTHING = Field("anything", lambda value: True)


def load(source, overrides=(), schema=None):
    """`sdjax.config.loading.load`, by default with the schema that is `like` the source."""
    if schema is None:
        schema = like(loading.read(source))
    return loading.load(source, overrides, schema)


def like(table: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a table that is complete: its fields keep their types."""
    return {
        name: like(value) if is_table(value) else _kind(value).of(value)
        for name, value in table.items()
    }


def _kind(current: Any) -> Field:
    """What a field accepts that has the value `current`."""
    kinds = {bool: flag(), int: whole(), float: changing(number()), str: text()}
    if not isinstance(current, tuple | list):
        return kinds.get(type(current), ANYTHING)
    items = {type(item) for item in current}
    if items and items <= {int, float}:
        return several(number() if float in items else whole())
    return several(text() if items == {str} else ANYTHING)
