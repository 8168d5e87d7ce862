"""The command line: absl flags, `--config=FILE --config.FIELD=VALUE`, and how a command ends."""

import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence

from absl import app, flags, logging
from ml_collections import FrozenConfigDict

from sdjax.config.errors import UserError, nearest
from sdjax.config.loading import load_config

INTERRUPTED = 130  # as shells have it: 128 + SIGINT

flags.disclaim_key_flags()  # they belong to the command that defines them, for its --help


def run(main: Callable[[], object]) -> None:
    """Parses the flags and calls `main()`.

    A UserError, from the flags or from `main`, is printed as `sdjax: error: <sentence>` on stderr
    (and below it the list, if it brings one) and ends the process with exit code 2.  Ctrl-C is one
    line and exit code 130.  Every other exception keeps its traceback.  A warning is one line too.
    """
    warnings.formatwarning = _one_line
    try:
        app.run(lambda _: main(), flags_parser=_parse_quietly)
    except UserError as error:
        sentence, end_of_line, details = str(error).partition(".\n")
        print("sdjax: error:", " ".join(sentence.split()) + end_of_line + details, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(
            "sdjax: interrupted; the same command goes on from the last checkpoint.",
            file=sys.stderr,
        )
        sys.exit(INTERRUPTED)


def _one_line(message: Warning | str, *where: object, **line: object) -> str:
    return f"sdjax: warning: {' '.join(str(message).split())}\n"


def define_config(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines `--config=FILE`, which is required, and `--config.FIELD=VALUE`."""
    flags.DEFINE_string(
        "config",
        None,
        "the configuration, as in configs/demo.py; a field of it: --config.FIELD=VALUE",
        required=True,
        flag_values=flag_values,
    )
    define_config_fields(flag_values)


def define_config_fields(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines `--config.FIELD=VALUE`, of which `config_field` has the list."""
    flags.DEFINE_multi_string(
        "config_field", [], "what --config.FIELD=VALUE is read as", flag_values=flag_values
    )


def config_from_flags(flag_values: flags.FlagValues = flags.FLAGS) -> FrozenConfigDict:
    """The configuration that the command line names, with its fields overridden."""
    return load_config(flag_values["config"].value, flag_values["config_field"].value)


def parse(argv: Sequence[str], flag_values: flags.FlagValues = flags.FLAGS) -> list[str]:
    """Reads the flags of `argv`, whose first entry is the program's name.

    Raises:
        UserError: for an unknown or missing flag, a bad value, or an argument without dashes.
    """
    try:
        rest = flag_values(list(_name_config_fields(argv)))
    except flags.UnrecognizedFlagError as error:
        name = nearest(error.flagname, list(flag_values))
        raise UserError(f"--{error.flagname} is not an option; the nearest is --{name}.") from error
    except flags.Error as error:
        raise UserError(_explain(str(error).splitlines()[0], flag_values)) from error
    if rest[1:]:
        raise UserError(f"'{rest[1]}' is not an option, expected options as --config=FILE.")
    return rest


def _parse_quietly(argv: Sequence[str]) -> list[str]:
    """absl would log at INFO from here on, and orbax reports each of its steps there."""
    rest = parse(argv)
    if flags.FLAGS["verbosity"].using_default_value:
        flags.FLAGS.verbosity = logging.WARNING
    return rest


def _name_config_fields(argv: Sequence[str]) -> Iterator[str]:
    """Turns `--config.FIELD=VALUE` and `--config.FIELD VALUE` into values of one flag."""
    arguments = iter(argv)
    for argument in arguments:
        field = re.fullmatch(r"--?config\.([^=]*)(=.*)?", argument, re.DOTALL)
        if field is None:
            yield argument
        else:
            name, value = field.groups()
            value = "=" + next(arguments, "") if value is None else value
            yield f"--config_field={name}{value}"


def _explain(message: str, flag_values: flags.FlagValues) -> str:
    missing = re.match(r"flag --(\w+)=None: Flag .* must have a value other than None", message)
    if missing is None:
        return message
    name = missing[1]
    return f"--{name} is missing ({flag_values[name].help})."
