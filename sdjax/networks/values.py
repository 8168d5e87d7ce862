"""The values of a config.json: what kind each field has to be, and within which bounds."""

import math
from typing import Any

from sdjax.config.errors import UserError, short

WIDEST = 2**20  # of a layer or a vocabulary; the widest that are published have 2**16
LONGEST = 2**14  # pixels along the edge of a picture
LONGEST_LATENTS = 2**11
MOST_LAYERS = 1000  # of a block
MOST_BLOCKS = 12  # each halves the picture


def whole(name: str, value: Any, at_most: int = WIDEST, at_least: int = 1) -> int:
    """`value` if it is a whole number within the bounds, else UserError."""
    if isinstance(value, int) and not isinstance(value, bool) and at_least <= value <= at_most:
        return value
    raise UserError(
        f"{name} is {short(value)}, expected a whole number from {at_least} to {at_most}."
    )


def wholes(name: str, values: Any) -> tuple[int, ...]:
    """`values` as whole numbers, one for each block."""
    return tuple(whole(name, value) for value in listed(name, values))


def listed(name: str, values: Any) -> tuple[Any, ...]:
    """`values` if it is a list with an entry for each block, else UserError."""
    if isinstance(values, list | tuple) and 1 <= len(values) <= MOST_BLOCKS:
        return tuple(values)
    raise UserError(
        f"{name} is {short(values)}, expected a list with an entry for each of at most "
        f"{MOST_BLOCKS} blocks."
    )


def number(name: str, value: Any, *, positive: bool = True) -> float:
    """`value` if it is a finite number (above 0), else UserError."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and abs(value) < math.inf and (not positive or value > 0):
        return value
    expected = "a finite number above 0" if positive else "a finite number"
    raise UserError(f"{name} is {short(value)}, expected {expected}.")


def flag(name: str, value: Any) -> bool:
    """`value` if it is true or false (null is false), else UserError."""
    if value is None or isinstance(value, bool):
        return bool(value)
    raise UserError(f"{name} is {short(value)}, expected true or false.")


def side(name: str, value: Any, longest: int = LONGEST) -> int | None:
    """The edge of a picture or of latents: a whole number, two that are the same, or null."""
    if isinstance(value, list | tuple) and len(value) == 2 and value[0] == value[1]:
        value = value[0]
    return None if value is None else whole(name, value, longest)
