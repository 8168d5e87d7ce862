"""Errors that are the user's to mend: one clear sentence instead of a traceback."""

import difflib
from collections.abc import Iterable
from typing import Any


class UserError(ValueError):
    """A sentence that says what was given, what was expected and the nearest valid choice.

    Whatever looks at what was given raises it: a configuration, a file, an argument.  A command
    prints it and exits with code 2; every other exception, other ValueErrors too, is a bug and
    keeps its traceback.
    """


def nearest(name: str, names: Iterable[str]) -> str:
    """The most similar of `names` (at least one); of dotted names the last part counts too, and
    another field of the same table is preferred."""
    table, _, last = name.rpartition(".")

    def similarity(candidate: str) -> float:
        other_table, _, other_last = candidate.rpartition(".")
        neighbour = 0.3 if table and table == other_table else 0.0
        return _ratio(name, candidate) + _ratio(last, other_last) + neighbour

    return max(names, key=similarity)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`"; did you mean 'dsd'?"` if one of `names` is similar to `name`, else `"."`."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean '{close[0]}'?" if close else "."


def short(value: Any) -> str:
    """A value as a sentence shows it: in at most 60 characters."""
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits
        shown = "a value too large to show"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _ratio(name: str, candidate: str) -> float:
    return difflib.SequenceMatcher(None, name.lower(), candidate.lower()).ratio()
