"""What is said of an argument that a command has not, and what is meant by it."""

import difflib

from absl import flags

from sdjax.config.errors import nearest
from sdjax.config.synonyms import OPTIONS, fields_for_option

ALIKE = 0.75  # of two words, one of which may be the other mistyped
FIELDS = "config_field"  # the option of `--config.FIELD=VALUE`, which a command may not have


def unknown_option(name: str, values: flags.FlagValues) -> str:
    """The sentence about `--name`: the nearest option, or how fields are given where a command has
    a configuration and no option is like it."""
    options = [option for option in values if option != FIELDS and not _of_absl(option, values)]
    meant = OPTIONS.get(name.lower().replace("-", "_"), "")
    near = meant if meant in options else nearest(name, options)
    if near == meant or FIELDS not in values or _alike(name, near):
        return f"--{name} is not an option; the nearest is --{near}."
    return f"--{name} is not an option; fields of the configuration are given as {_field(name)}."


def unknown_argument(argument: str, values: flags.FlagValues) -> str:
    """The sentence about an argument without dashes."""
    name, equals, _ = argument.partition("=")
    field = _field(name) if equals else "--config=FILE"
    shown = field if FIELDS in values else "--workdir=FOLDER"
    return f"'{argument}' is not an option, expected options as {shown}."


def _field(name: str) -> str:
    """As it is given; where commands call it differently, in the words of each."""
    given = [f"--config.{field}=VALUE" for field in fields_for_option(name)]
    which = ", whichever this command has" if len(given) > 1 else ""
    return " or ".join(given) + which


def _of_absl(option: str, values: flags.FlagValues) -> bool:
    return str(values.find_module_defining_flag(option)).startswith("absl.")


def _alike(name: str, other: str) -> bool:
    return difflib.SequenceMatcher(None, name.lower(), other.lower()).ratio() >= ALIKE
