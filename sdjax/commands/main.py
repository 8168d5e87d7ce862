"""The console command: `sdjax NAME ...` is `python -m sdjax.NAME ...`."""

import importlib
import sys

from sdjax.commands.groups import GROUPS
from sdjax.runs.signals import Listener, end

COMMANDS = {name: about for group in GROUPS.values() for name, about in group.items()}


def main(argv: list[str] | None = None) -> None:
    """Runs the command that the first argument names; `--help` lists all of them."""
    if argv is None:
        Listener(end).start()  # before everything that takes time is imported
    argv = list(sys.argv if argv is None else argv)
    name = argv[1] if len(argv) > 1 else "--help"
    if name in ("-h", "--help", "help"):
        print(listed())
        return
    if name not in COMMANDS:
        print(f"sdjax: error: {_unknown(name)}", file=sys.stderr)
        sys.exit(2)
    from sdjax.commands import app

    command = importlib.import_module(f"sdjax.{name}").COMMAND
    app.run(command, [f"sdjax {name}", *argv[2:]])


def _unknown(name: str) -> str:
    from sdjax.config.errors import nearest

    if name.startswith("-"):
        return f"'{name}' stands where a command is expected, as in 'sdjax train {name}'."
    return f"'{name}' is not a command; the nearest is '{nearest(name, COMMANDS)}'."


def listed() -> str:
    """All commands in their groups."""
    lines = ["usage: sdjax COMMAND [options]; sdjax COMMAND --help lists the options"]
    for group, commands in GROUPS.items():
        lines += ["", f"{group}:", *(f"  {name:<12} {about}" for name, about in commands.items())]
    return "\n".join(lines)
