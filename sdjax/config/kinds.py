"""One thing of a list from which a configuration chooses: its name, its fields, what makes it.

    ANNEALINGS = kinds(Kind("linear", linear, fields_of(linear, t_max=fraction())), ...)

Such a list is the only place where its things are named; a schema's `Choice` reads it.  Lists
whose things have traits of their own (rules, priors) have a kind of their own, with these three.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

from sdjax.config.fields import REQUIRED, Field, one_of

Fields = Mapping[str, Any]  # of `Field`, and of further tables
Table = Any  # of values, and of further tables: a mapping, or a ConfigDict, which is none


@runtime_checkable
class Named(Protocol):
    """What every kind has."""

    @property
    def name(self) -> str:
        """By which a configuration chooses it."""

    @property
    def fields(self) -> Fields:
        """Its own settings."""


class Kind(NamedTuple):
    """A kind without traits: `make(**its fields)`, and what its place gives besides."""

    name: str
    make: Callable[..., Any]
    fields: Fields = {}  # noqa: RUF012 (of a NamedTuple; nothing writes to it)


class Choice(NamedTuple):
    """A table whose field `name` chooses one of `kinds` and with it the table's other fields."""

    kinds: Mapping[str, Any]
    default: Any = REQUIRED
    meaning: str = ""

    @property
    def field(self) -> Field:
        """That of the name."""
        return one_of(*self.kinds).of(self.default, self.meaning)


def kinds(*entries: Named) -> dict[str, Any]:
    """The entries by their names, in order; raises `ValueError` for two of one name."""
    found = {entry.name: entry for entry in entries}
    if len(found) < len(entries):
        raise ValueError(f"Two kinds have one name: {[entry.name for entry in entries]}.")
    return found


def arguments(fields: Fields, table: Table, steps: int = 1) -> dict[str, Any]:
    """What the code takes for the values of `fields` in `table`, in a run of `steps` steps: a
    choice inside is made, too."""

    def argument(name: str, entry: Any) -> Any:
        if isinstance(entry, Field):
            return entry.read(table[name], steps)
        if isinstance(entry, Choice):
            return made(entry.kinds, table[name], steps)
        return arguments(entry, table[name], steps)

    return {name: argument(name, entry) for name, entry in fields.items()}


def made(listed: Mapping[str, Any], table: Table, steps: int = 1, **given: Any) -> Any:
    """The thing that `table` chooses from a list, made of its fields and of what is `given`."""
    kind = listed[table["name"]]
    return kind.make(**given, **arguments(kind.fields, table, steps))
