"""The same work in PyTorch's diffusers: a process of its own beside this one, told when to run."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sdjax.benchmarks.architectures import fields_of
from sdjax.benchmarks.flops import Case
from sdjax.benchmarks.method import Runner
from sdjax.config.errors import UserError

PEER_MODES = ("diffusers, eager", "diffusers, torch.compile")
NEEDED = ("torch", "diffusers")


class PeerError(ValueError):
    """One sentence about what the other process could not do."""


def check_peer() -> None:
    """Raise a `UserError` if PyTorch or diffusers is missing; imports neither."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"config.peer is 'diffusers', but {' and '.join(missing)} cannot be imported: install "
            'them with pip install "sdjax[diffusers]", or set config.peer to None.'
        )


@contextmanager
def peer_runner(case: Case, mode: str) -> Iterator[Runner]:
    """A runner of `case` in a process that lives as long as the context.

    Raises `PeerError` if it cannot be built, for instance for want of memory or of a compiler.
    """
    kind, model, batch, image_size, dtype = case
    order = {
        "kind": kind,
        "fields": fields_of(model)._asdict(),
        "batch": batch,
        "image_size": image_size,
        "dtype": str(dtype),
        "compile": mode == PEER_MODES[1],
    }
    command = [sys.executable, "-m", "sdjax.benchmarks.peer_worker"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            _ask(process, order)
            yield lambda calls: _ask(process, {"calls": calls})["seconds"]
        finally:
            process.stdin.close()  # which ends it


def _ask(process: subprocess.Popen, request: dict[str, Any]) -> dict[str, Any]:
    try:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    except BrokenPipeError:
        answer = ""
    if not answer:
        raise PeerError("the process of PyTorch ended")
    result = json.loads(answer)
    if "error" in result:
        raise PeerError(result["error"])
    return result
