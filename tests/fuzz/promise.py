"""What holds for every input, however damaged: it is used, or refused with a sentence, at once.

A test of this folder draws damaged inputs of one kind and gives each to `kept`.  The short form is
part of the default tests, the long one is marked `long`: `@FORMS` is both.
"""

import contextlib
import os
import resource
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from sdjax.config.errors import UserError

SECONDS = 20
GIBIBYTES = 2
SHORT, LONG = 8, 300  # cases of a test; there are more than twenty, of seven kinds

FORMS = pytest.mark.parametrize(
    "cases",
    [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.long)],
)


def drawn(cases: int) -> settings:
    """How hypothesis draws so many cases."""
    quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(max_examples=cases, deadline=None, suppress_health_check=quiet)


def kept(action: Callable[[], Any], inside: Path) -> Any:
    """What `action()` returns, or the UserError that it raises; anything else fails the test.

    inside: the only folder that it may write to; of the folders around it, this process's and the
    home are looked at.
    """
    around = {inside.parent, Path.cwd(), Path.home()}
    before = {folder: _names(folder) for folder in around}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with _alarm(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = action()
        except UserError as error:
            result = error
            assert str(error).strip() and "Traceback" not in str(error)
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    assert more < GIBIBYTES * 2**20, f"{more / 2**20:.1f} GiB more than before"
    assert {folder: _names(folder) for folder in around} == before
    return result


def _names(folder: Path) -> set[str]:
    ours = (".pytest_cache", ".hypothesis", ".cache")
    return {name for name in os.listdir(folder) if not name.startswith(ours)}


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError(f"it takes longer than {SECONDS} seconds")

    former = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)
