"""What Ctrl-C, SIGTERM and SIGHUP do: a command ends at once, a run saves first.

A signal is noticed by a thread of its own, at once, whatever the main thread does: JAX compiles
and computes for minutes outside of Python, where Python's own handlers wait and their exceptions
are lost or crash.  Only the standard library is imported here, so that this is in place first.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
CODE = 128  # a process that a signal ends exits with this plus the signal's number, as in shells


class InterruptedRunError(KeyboardInterrupt):
    """A run was interrupted and has saved what it had; `number` is the signal's."""

    def __init__(self, number: int, sentence: str):
        super().__init__(sentence)
        self.number = number


class Asked:
    """Whether a signal has come; to be asked whenever there is something to save."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.was_looked_at = False

    def __call__(self) -> int | None:
        """The number of the first signal that came, if one has."""
        self.was_looked_at = True
        return self.number


@contextmanager
def ending_at_once() -> Iterator[None]:
    """A signal ends the process with one line and exit code 128 + its number."""
    with Listener(end):
        yield


@contextmanager
def asking_first() -> Iterator[Asked]:
    """The first signal is noted and told, for whoever looks at it; the second ends, and so does the
    first where nobody has looked yet, for nothing is lost then.

    In a command that is the end of the process.  In a program that uses the library, such as a
    notebook, it is what the program does with the signal, in the main thread: KeyboardInterrupt as
    a rule.
    """
    asked = Asked()

    def is_first(number: int) -> bool:
        if asked.number is not None or not asked.was_looked_at:
            return False
        asked.number = number
        _tell(f"{name_of(number)}: saving after these steps; once more stops at once.")
        return True

    is_command = any(signal.getsignal(one) is _leave_it_to_the_thread for one in SIGNALS)
    notice = lambda number: None if is_first(number) else end(number)  # noqa: E731
    with Listener(notice) if is_command else _handling(is_first):
        yield asked
    if asked.number is not None:  # it came after the last look: what was to be saved is
        raise InterruptedRunError(asked.number, "saved; the same command goes on from there.")


@contextmanager
def _handling(is_first: Callable[[int], bool]) -> Iterator[None]:
    """Without a thread: signals go to who had them unless they are the first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {one: signal.getsignal(one) for one in _listened()}

    def handle(number: int, frame: Any) -> None:
        if is_first(number):
            return
        signal.signal(number, former[number])
        signal.raise_signal(number)

    for one in former:
        signal.signal(one, handle)
    try:
        yield
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)


def name_of(number: int) -> str:
    """`Ctrl-C`, `SIGTERM` or `SIGHUP`."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def goes_on(step: int, steps: int) -> str:
    """What is told of a run that has saved."""
    return f"saved after {step} of {steps} steps; the same command goes on from there."


def end(number: int) -> None:
    """Ends the process, without waiting for anything; a line of progress has hidden the cursor."""
    if os.isatty(1):
        os.write(1, b"\x1b[?25h")
    _tell(f"stopped by {name_of(number)}; the same command goes on from what is saved, if it can.")
    os._exit(CODE + number)


class Listener:
    """Calls `notice` with the number of each signal, in a thread, between `start` and `stop`.

    A signal that is ignored, as SIGHUP under `nohup`, stays so.  Does nothing where it is not
    started in the main thread, the only one that may.
    """

    def __init__(self, notice: Callable[[int], None]):
        self._notice = notice
        self._former: dict[int, Any] = {}

    def start(self) -> None:
        """Takes the signals over."""
        if threading.current_thread() is not threading.main_thread():
            return
        listened = _listened()
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._thread = threading.Thread(target=self._listen, args=(listened,), daemon=True)
        self._former_fd = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._thread.start()
        self._former = {one: signal.signal(one, _leave_it_to_the_thread) for one in listened}

    def stop(self) -> None:
        """Gives the signals back to who had them."""
        if not self._former:
            return
        for one, handler in self._former.items():
            signal.signal(one, handler)
        signal.set_wakeup_fd(self._former_fd)
        os.close(self._writing)
        self._thread.join()

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listen(self, listened: list[int]) -> None:
        """Until the other end of the pipe is closed."""
        while numbers := os.read(self._reading, 1):
            if numbers[0] in listened:
                self._notice(numbers[0])
        os.close(self._reading)


def _listened() -> list[int]:
    """The signals that are not ignored."""
    return [one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]


def _leave_it_to_the_thread(*_: object) -> None:
    pass


def _tell(sentence: str) -> None:
    """By the system's own call: the main thread may be in the middle of printing."""
    os.write(2, f"sdjax: {sentence}\n".encode())
