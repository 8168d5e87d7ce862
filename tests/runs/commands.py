"""Commands as processes of their own, as users start them."""

import os
import subprocess
import sys

SDJAX = [sys.executable, "-c", "from sdjax.commands.main import main; main()"]
SMALL = {  # of a run of pictures
    "seeds": 2,
    "stages.steps": 400,
    "stages.resolution": 16,
    "stages.grid": 2,
    "run.chunk": 4,
}


def started(command, config, folder, fields, environment=(), **options):
    """The process of a command on two devices, with these fields of its configuration."""
    given = [f"--config.{name}={value}" for name, value in fields.items()]
    return subprocess.Popen(
        [*SDJAX, command, f"--config={config}", f"--workdir={folder}", *given],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "2"} | dict(environment),
        **options,
    )


def ended(process, within):
    """Its exit code and what it printed to stderr, after at most so many seconds."""
    with process:
        try:
            _, told = process.communicate(timeout=within)
        finally:
            process.kill()  # where it has not ended
    return process.returncode, told
