"""Reading the config.json of a component: what it asks for, or why that is not possible."""

from collections.abc import Mapping
from typing import Any

from sdjax.config.errors import UserError, short
from sdjax.networks.values import MOST_LAYERS, whole

Fields = Mapping[str, Any]


def check_class(fields: Fields, key: str, expected: str, component: str) -> None:
    """ValueError if the configuration names another class under `key` than `expected`."""
    given = fields.get(key, expected)
    if given != expected:
        raise UserError(
            f"The configuration of the {component} has {key} {short(given)}, expected "
            f"{expected!r}; is this the folder of the {component}?"
        )


def check_fields(fields: Fields, fixed: Fields, known: set[str], component: str) -> None:
    """ValueError at the first field that asks for more than the network can do.

    `fixed` holds fields and the one value that is implemented (null is as good as False); `known`
    the fields that are read or make no difference.  A field in neither, such as one of a newer
    release, must be null or False; names with a leading underscore are comments.
    """
    for name, value in fields.items():
        if name in known or name.startswith("_") or value == fixed.get(name):
            continue
        if not (value in (None, False) and fixed.get(name) in (None, False)):
            raise UserError(
                f"The {component}'s configuration has {name} {short(value)}, expected "
                f"{fixed.get(name)!r}: only the {component} of Stable Diffusion 1.x and 2.x is "
                "implemented."
            )


def check_types(name: str, given: tuple[Any, ...], allowed: tuple[str, ...]) -> None:
    """ValueError at the first block of a type that is not among those `allowed`."""
    for block in given:
        if block not in allowed:
            expected = " or ".join(repr(one) for one in allowed)
            raise UserError(f"{name} holds {short(block)}, expected {expected}.")


def per_block(name: str, value: Any, blocks: int, at_most: int = MOST_LAYERS) -> tuple[int, ...]:
    """`value` as one integer for each of `blocks` blocks; ValueError if it cannot be read so."""
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * blocks
    are_whole = all(isinstance(one, int) and not isinstance(one, bool) for one in values)
    if len(values) != blocks or not are_whole:
        raise UserError(
            f"{name} is {short(value)}, expected an integer or a list of {blocks}, one for each "
            "block."
        )
    return tuple(whole(name, one, at_most) for one in values)


def check_divisible(name: str, values: tuple[int, ...], divisors: tuple[int, ...], by: str) -> None:
    """ValueError if one of the `values` is not a multiple of its divisor."""
    for value, divisor in zip(values, divisors, strict=True):
        if value % divisor:
            raise UserError(f"{name} is {value}, expected a multiple of {by}, {divisor}.")
