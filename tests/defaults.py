"""Fields held against the functions whose settings they are."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from sdjax.config.fields import Field


def check_defaults(
    fields: Mapping[str, Any], function: Callable[..., Any], *, own: set[str] = frozenset()
) -> None:
    """Every field but `own` is an argument of `function`, and says by default what that does."""
    parameters = inspect.signature(function).parameters
    assert own <= fields.keys()
    for name in fields.keys() - own:
        field, default = fields[name], parameters[name].default
        assert isinstance(field, Field) and field.meaning, name
        assert default is not inspect.Parameter.empty, f"{name} has no default"
        assert field.accepts(field.default), name
        assert field.read(field.convert(field.default), 1000) == default, name
