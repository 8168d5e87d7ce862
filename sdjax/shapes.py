"""Shapes at the front door: one sentence where an array has not the axes it should have."""

from typing import Any

import chex

from sdjax.config.errors import UserError


def check_shape(name: str, array: Any, axes: str) -> None:
    """Raises a UserError unless `array` has `axes`, as in "views height width 3": a word is an axis
    of any size.  At trace time; nothing is computed."""
    sizes = tuple(int(axis) if axis.isdigit() else None for axis in axes.split())
    try:
        chex.assert_shape(array, sizes)
    except AssertionError as error:
        found, wanted = list(array.shape), ", ".join(axes.split())
        raise UserError(f"{name} has shape {found}, expected [{wanted}].") from error
