"""A process beside this one that can neither hang it nor outlive it.

It is a module that runs `answer_requests`: one JSON object per line in, one out.  The lines are
read in a thread of its own there, so that the end of this process, however that comes, is noticed
in the middle of a computation; then the process ends, with all that it has started.
"""

import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sdjax.benchmarks.section import Deadline, OutOfTimeError, in_short


class BesideError(ValueError):
    """One sentence about what the other process could not do."""


class TooSlowError(BesideError, OutOfTimeError):
    """The other process has not answered in time."""


class Beside:
    """`python -m module`, in a session of its own, with `environment` over this one's."""

    def __init__(self, module: str, environment: Mapping[str, str] | None = None):
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # until `end`
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        self._read = b""

    def ask(self, request: Mapping[str, Any]) -> None:
        """Sends a request, to which `answer` waits."""
        with contextlib.suppress(OSError, ValueError):  # it has ended, as `answer` tells
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()

    def answer(self, deadline: Deadline, what: str) -> dict[str, Any]:
        """The next answer.

        Raises `BesideError` if it is an error and if the process has ended, `TooSlowError` if
        there is none at the deadline, "`what` took more than ..."; the process is ended then.
        """
        seconds = max(0.0, deadline.left())
        line = self._line(deadline)
        if line is None:
            self.end()
            raise TooSlowError(f"{what} took more than {round(seconds, 1):g} s, and was ended.")
        if not line:
            last = self._last_words()
            self.end()
            raise BesideError(f"{what}: the process ended{last}.")
        answer = json.loads(line)
        if "error" in answer:
            raise BesideError(answer["error"])
        return answer

    def _last_words(self) -> str:
        """The last line on its stderr, for the sentence about its end."""
        if self._errors.closed:
            return ""
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 2**12))
        lines = self._errors.read().decode(errors="replace").split("\n")
        last = [line.strip() for line in lines if line.strip()][-1:]
        return f" ({last[0][:300].rstrip('.')})" if last else ""

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def end(self) -> None:
        """Ends it, and what it has started; again does nothing."""
        if self._process.stdin.closed:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(OSError):
                pipe.close()

    def __enter__(self) -> "Beside":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _line(self, deadline: Deadline) -> bytes | None:
        """Without its end; nothing at the end of the output, None at the deadline."""
        while b"\n" not in self._read:
            if self._process.stdout.closed:
                return b""
            left = min(max(0.0, deadline.left()), 60.0)
            if not select.select([self._process.stdout], [], [], left)[0]:
                if deadline.over():
                    return None
                continue
            part = os.read(self._process.stdout.fileno(), 2**16)
            if not part:
                return b""
            self._read += part
        line, _, self._read = self._read.partition(b"\n")
        return line


def answer_requests(answer: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """Answers each request until the other side ends; what raises is answered by {"error": ...}.

    What else is printed goes to stderr.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for request in _requests():
        try:
            result = answer(request)
        except Exception as error:  # told to the other side, which knows what was asked
            result = {"error": in_short(error)}
        print(json.dumps(result), file=answers, flush=True)


def _requests() -> Iterator[dict[str, Any]]:
    """Those on stdin, for ever: its end is that of this process and of its group."""
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            requests.put(line)
        end_with_group()

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield json.loads(requests.get())


def end_with_group() -> None:
    """Ends this process at once, and the others of its group where it leads one."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(0)
