"""The command line: absl flags, `--config=FILE --config.FIELD=VALUE`, and how a command ends."""

import errno
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from absl import app, flags, logging

from sdjax.commands.printing import help_text, print_config
from sdjax.commands.unknown import unknown_argument, unknown_option
from sdjax.config.errors import UserError
from sdjax.runs.signals import CODE, InterruptedRunError, ending_at_once, name_of

# What is wrong with a machine or a path: no space, no permission, no such kind of file.
OF_THE_SYSTEM = {
    *(errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EISDIR, errno.ELOOP),
    *(errno.EMFILE, errno.ENAMETOOLONG, errno.ENFILE, errno.ENOMEM, errno.ENOSPC),
    *(errno.ENOTDIR, errno.EPERM, errno.EPIPE, errno.EROFS, errno.ESTALE, errno.ETXTBSY),
}
REMEDY = "mend that, and the same command goes on from what is saved."
HELP = ("-h", "-help", "--help", "--helpshort", "--helpfull")

flags.disclaim_key_flags()  # they belong to the command that defines them, for its --help


class Command(NamedTuple):
    """What stands behind `sdjax NAME` and `python -m sdjax.NAME`.

    main(values): runs it with the values of its flags; a whole number is the exit code.
    define(): defines them, besides `--config` and its fields.
    load(source, overrides): its configuration, complete; None for a command without one.
    fields(config): what `--print_config` knows of the configuration's fields.
    """

    name: str
    about: str  # printed by --help
    main: Callable[[flags.FlagValues], object]
    define: Callable[[], None]
    load: Callable[[Any, Sequence[str]], Any] | None = None
    fields: Callable[[Any], dict[str, Any]] = lambda config: {}


def run(command: Command, argv: Sequence[str] | None = None) -> None:
    """Parses the flags of `argv` (by default the process's) and calls `command.main`.

    A UserError, from the flags or from `main`, is printed as `sdjax: error: <sentence>` on stderr
    (and below it the list, if it brings one) and ends the process with exit code 2; so is an
    OSError that no command explains, such as a full disk.  What `main` returns, if it is a number,
    is the exit code.  Ctrl-C, SIGTERM and SIGHUP are one line and exit code 130, 143 and 129,
    --help exit code 0.  Every other exception keeps its traceback.  A warning is one line too.
    """
    argv = list(sys.argv if argv is None else argv)
    warnings.formatwarning = _one_line
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show costs no run
            stream.reconfigure(errors="backslashreplace")
    defined = _define(command)
    if any(argument in HELP for argument in argv[1:]):
        print(help_text(command, [flags.FLAGS[name] for name in defined]))
        sys.exit(0)
    try:
        with ending_at_once():
            app.run(lambda _: _main(command), argv, flags_parser=_parse_quietly)
    except UserError as error:
        sentence, end_of_line, details = str(error).partition(".\n")
        print("sdjax: error:", " ".join(sentence.split()) + end_of_line + details, file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        sys.exit(_of_the_system(error))
    except InterruptedRunError as interrupted:
        print(f"sdjax: {name_of(interrupted.number)}: {interrupted}", file=sys.stderr)
        sys.exit(CODE + interrupted.number)
    except KeyboardInterrupt:  # raised by a library, or where signals could not be taken over
        print("sdjax: interrupted.", file=sys.stderr)
        sys.exit(CODE + signal.SIGINT)


def _of_the_system(error: OSError) -> int:
    """The exit code, where the machine or a path is to blame, and the sentence for it."""
    if isinstance(error, BrokenPipeError) and error.filename is None:
        # the reader has seen enough, as of `--print_config | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if error.errno not in OF_THE_SYSTEM:
        raise error
    where = error.filename or "a file"
    print(f"sdjax: error: {where}: {error.strerror}; {REMEDY}", file=sys.stderr)
    return 2


def _main(command: Command) -> int:
    values = flags.FLAGS
    if command.load is not None and values.print_config:
        config = command.load(values.config, values.config_field)
        print_config(config, command.fields(config))
        return 0
    code = command.main(values)
    return code if isinstance(code, int) else 0


def _define(command: Command) -> list[str]:
    """The names of the command's flags."""
    before = set(flags.FLAGS)
    if command.load is not None:
        define_config()
        flags.DEFINE_bool("print_config", False, "print the whole configuration and do nothing")
    command.define()
    return [name for name in flags.FLAGS if name not in before and name != "config_field"]


def define_workdir(what: str) -> None:
    """Defines `--workdir`, which is required unless the configuration is only printed."""
    flags.DEFINE_string("workdir", None, what)
    flags.register_validator(
        "workdir",
        lambda value: value is not None or _only_prints(),
        f"--workdir is missing ({what})",
    )


def _only_prints() -> bool:
    return "print_config" in flags.FLAGS and flags.FLAGS["print_config"].value


def _one_line(message: Warning | str, *where: object, **line: object) -> str:
    return f"sdjax: warning: {' '.join(str(message).split())}\n"


def define_config(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines `--config=FILE`, which is required, and `--config.FIELD=VALUE`."""
    flags.DEFINE_string(
        "config",
        None,
        "the configuration: a file, or a name such as demo or embedded_2d:dsd; a field of it: "
        "--config.FIELD=VALUE",
        required=True,
        flag_values=flag_values,
    )
    define_config_fields(flag_values)


def define_config_fields(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines `--config.FIELD=VALUE`, of which `config_field` has the list."""
    flags.DEFINE_multi_string(
        "config_field", [], "what --config.FIELD=VALUE is read as", flag_values=flag_values
    )


def parse(argv: Sequence[str], flag_values: flags.FlagValues = flags.FLAGS) -> list[str]:
    """Reads the flags of `argv`, whose first entry is the program's name.

    Raises:
        UserError: for an unknown or missing flag, a bad value, or an argument without dashes.
    """
    try:
        rest = flag_values(list(_name_config_fields(argv)))
    except flags.UnrecognizedFlagError as error:
        raise UserError(unknown_option(error.flagname, flag_values)) from error
    except flags.Error as error:
        raise UserError(_explain(str(error).splitlines()[0], flag_values)) from error
    if rest[1:]:
        raise UserError(unknown_argument(rest[1], flag_values))
    return rest


def _parse_quietly(argv: Sequence[str]) -> list[str]:
    """absl would log at INFO from here on, where orbax reports each of its steps, and errors, which
    come to us too, with their tracebacks."""
    rest = parse(argv)
    if flags.FLAGS["verbosity"].using_default_value:
        flags.FLAGS.verbosity = logging.FATAL
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
    if missing is not None:
        name = missing[1]
        return f"--{name} is missing ({flag_values[name].help})."
    own = re.match(r"flag --\w+=None: (--\w+ is missing \(.*\))$", message)
    return f"{own[1]}." if own is not None else message
