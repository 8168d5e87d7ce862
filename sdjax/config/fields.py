"""The language of settings: what one field of a configuration is.

    number(above=0).of(0.01, "step size")          a number, 0.01 unless a configuration says else
    fields_of(sds, guidance_scale=number())        its default is that of the function's argument

A thing and its fields stand in one file; a schema (`sdjax.config.tables`) puts them together.
Nothing here imports anything but the standard library.
"""

import ast
import dataclasses
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

REQUIRED = object()  # the default of a field without one
LARGEST = sys.float_info.max
LARGEST_WHOLE = 2**31 - 1  # what the arrays of a computation hold
Bound = int | float | None


def _same(value: Any) -> Any:
    return value


def literal(given: str) -> Any:
    """A text of the command line as a Python value, or else as text."""
    try:
        return ast.literal_eval(given)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return str(given)


@dataclasses.dataclass(frozen=True)
class Field:
    """One setting: what it accepts, what it is by default and what it means.

    expected: ends the sentence "config.steps is 0, expected ...".
    accepts(value): whether a value is one of the field's.
    convert(value): an accepted value as it is kept (2 as 2.0, a list as a tuple).
    parse(text): a text of the command line as a value, not checked yet.
    names: valid texts, with which a mistyped one is compared.
    default: what a configuration has that says nothing; `REQUIRED` where it must say something.
    meaning: one sentence, with the unit.
    read(value, steps): what the code takes for a value, in a run of `steps` steps.
    written(argument): the value that stands for what the code takes.
    """

    expected: str
    accepts: Callable[[Any], bool]
    convert: Callable[[Any], Any] = _same
    parse: Callable[[str], Any] = literal
    names: tuple[str, ...] = ()
    default: Any = REQUIRED
    meaning: str = ""
    read: Callable[[Any, int], Any] = lambda value, steps: value
    written: Callable[[Any], Any] = _same

    def of(self, default: Any, meaning: str = "") -> "Field":
        """The field with a default, and what it means."""
        return dataclasses.replace(self, default=default, meaning=meaning or self.meaning)

    def says(self, meaning: str) -> "Field":
        """The field with what it means."""
        return dataclasses.replace(self, meaning=meaning)


def fields_of(function: Callable[..., Any], **fields: Field) -> dict[str, Field]:
    """Fields named after arguments of `function`, whose defaults are theirs.

    A field that brings a default keeps it; one whose argument has none stays required.
    """
    parameters = inspect.signature(function).parameters

    def with_default(name: str, field: Field) -> Field:
        default = parameters[name].default
        if field.default is not REQUIRED or default is inspect.Parameter.empty:
            return field
        return dataclasses.replace(field, default=field.written(default))

    return {name: with_default(name, field) for name, field in fields.items()}


def flag() -> Field:
    """True or False."""
    return Field(
        "True or False",
        lambda value: isinstance(value, bool),
        parse=lambda given: literal(given.capitalize()),
    )


def text() -> Field:
    """Any text of whole characters: half a surrogate pair can be neither written nor encoded."""
    return Field("a text", lambda value: isinstance(value, str) and is_whole(value), str, parse=str)


def is_whole(given: str) -> bool:
    """Whether a text has no half of a surrogate pair, as bytes that are no UTF-8 become."""
    return not any("\ud800" <= character <= "\udfff" for character in given)


def one_of(*names: str) -> Field:
    """One of the given texts."""
    expected = f"one of {', '.join(names)}"
    return Field(expected, lambda value: value in names, parse=str, names=names)


def listed(functions: Mapping[str, Any]) -> Field:
    """The name of one of `functions`; the code takes the function."""

    def written(function: Any) -> Any:
        return next((name for name, listed in functions.items() if listed is function), function)

    return dataclasses.replace(
        one_of(*functions), read=lambda name, steps: functions[name], written=written
    )


def whole(*, at_least: int | None = None, at_most: int | None = None) -> Field:
    """A whole number within bounds."""

    def accepts(value: Any) -> bool:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and _within(value, at_least, at_most, None) and abs(value) <= LARGEST_WHOLE

    return Field("a whole number" + _bounds(at_least, at_most, None), accepts)


def number(*, at_least: Bound = None, at_most: Bound = None, above: Bound = None) -> Field:
    """A finite number, whole or not, within bounds; `above` is an open lower bound."""

    def accepts(value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and abs(value) <= LARGEST and _within(value, at_least, at_most, above)

    return Field("a number" + _bounds(at_least, at_most, above), accepts, float)


def fraction() -> Field:
    """A number from 0 to 1."""
    return number(at_least=0, at_most=1)


def several(field: Field, *, count: int | None = None) -> Field:
    """A tuple or list of values that `field` accepts: `count` of them, or one or more."""

    def accepts(value: Any) -> bool:
        fits = isinstance(value, tuple | list) and len(value) == (count or max(1, len(value)))
        return fits and all(map(field.accepts, value))

    def parse(given: str) -> Any:
        value = literal(given)
        if isinstance(value, tuple | list):
            is_python = given.lstrip().startswith(("(", "["))
            if is_python or all(map(field.accepts, value)):  # else "1, 2" of a text field
                return tuple(value)
        return tuple(field.parse(part.strip()) for part in given.split(","))

    return Field(
        f"{count or 'one or more'} values, each {field.expected}",
        accepts,
        lambda value: tuple(map(field.convert, value)),
        parse,
    )


def interval(field: Field) -> Field:
    """Two values that `field` accepts, the first not above the second."""
    pair = several(field)
    return dataclasses.replace(
        pair,
        expected=f"2 values in ascending order, each {field.expected}",
        accepts=lambda value: pair.accepts(value) and len(value) == 2 and value[0] <= value[1],
    )


def changing(field: Field) -> Field:
    """What `field` accepts, or such a value that changes: (first step, first, last, last step).

    One value in brackets is that value.
    """
    step, values = number(at_least=0), several(number())

    def accepts(value: Any) -> bool:
        if not isinstance(value, tuple | list):
            return field.accepts(value)
        if len(value) == 1:
            return field.accepts(value[0])
        if len(value) != 4 or not all(map(step.accepts, value[::3])):
            return False
        return all(map(field.accepts, value[1:3])) and value[0] <= value[3]

    return Field(
        f"{field.expected}, or (first step, first value, last value, last step)",
        accepts,
        lambda value: (values if isinstance(value, tuple | list) else field).convert(value),
        lambda given: values.parse(given) if "," in given else literal(given),
    )


def optional(field: Field) -> Field:
    """None, or what `field` accepts."""
    return dataclasses.replace(
        field,
        expected=f"{field.expected} or None",
        accepts=lambda value: value is None or field.accepts(value),
        convert=lambda value: None if value is None else field.convert(value),
        parse=lambda given: None if given == "None" else field.parse(given),
        read=lambda value, steps: None if value is None else field.read(value, steps),
        written=lambda argument: None if argument is None else field.written(argument),
    )


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
