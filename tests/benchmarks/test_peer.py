"""The other's process, where its packages are not what they should be."""

import math

import pytest

from sdjax.benchmarks import peer
from sdjax.benchmarks.peer import EAGER, Peer, present
from sdjax.benchmarks.section import NEVER
from tests.benchmarks.small import TINY

CASE = ("prediction", TINY, 1, 16, "float32")


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("tests.benchmarks.broken_worker", "ImportError: libcudart.so.99 is missing"),
        ("tests.benchmarks.no_such_worker", "importing torch and diffusers: the process ended ("),
    ],
)
def test_what_cannot_be_imported_is_asked_once_and_told_in_every_row(module, sentence):
    """Without a limit, too: nothing waits for an answer that does not come."""
    broken = Peer(EAGER, math.inf, module)
    try:
        for _ in range(2):
            broken.build(CASE, NEVER)
            assert broken.failure.startswith(sentence) and math.isnan(broken(1))
            assert broken._beside.has_ended
    finally:
        broken.end()


def test_an_answer_has_a_limit_where_the_section_has_none(monkeypatch):
    monkeypatch.setattr(peer, "LONGEST", 0.3)
    slow = Peer(EAGER, math.inf, "tests.benchmarks.silent_worker")
    slow.build(CASE, NEVER)
    assert slow.failure.startswith("importing torch and diffusers took more than 0.3 s")


def test_a_package_that_is_missing(monkeypatch):
    monkeypatch.setattr(peer, "NEEDED", ("json", "no_such_package"))
    assert not present("diffusers") and not present("auto")
    monkeypatch.setattr(peer, "NEEDED", ("json",))
    assert present("diffusers") and present("auto") and not present(None)
