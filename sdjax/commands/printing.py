"""What a command prints about itself: its options, and its configuration."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from sdjax.config.fields import Field
from sdjax.config.kinds import Table
from sdjax.config.tables import flatten

WIDTH = 100


def help_text(command: Any, options: Sequence[Any]) -> str:
    """What the command is for, and its options."""
    lines = [f"usage: sdjax {command.name} [options]\n", command.about.strip(), "\noptions:"]
    for option in sorted(options, key=lambda option: option.name):
        default = "" if option.default in (None, []) else f" (default: {option.default})"
        choices = "|".join(getattr(option.parser, "enum_values", ()))
        names = f"--{option.name}={choices}" if choices else f"--{option.name}"
        about = option.help.removeprefix(f"<{choices}>: ")
        wrapped = textwrap.wrap(f"{about}{default}", WIDTH - 28)
        lines += [f"  {names:<24}  {wrapped[0]}", *(" " * 28 + line for line in wrapped[1:])]
    return "\n".join(lines)


def print_config(config: Table, fields: Mapping[str, Field]) -> None:
    """Every field with its value, and behind it what it means and accepts."""
    for name, value in flatten(config).items():
        line = f"{name} = {value!r}"
        field = fields.get(name)
        print(line if field is None else f"{line:<44}  # {_about(field)}")


def _about(field: Field) -> str:
    return f"{field.meaning} ({field.expected})" if field.meaning else field.expected
