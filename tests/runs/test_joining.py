"""Which fields about processes belong together."""

import pytest
from ml_collections import ConfigDict

from sdjax.config.errors import UserError
from sdjax.runs.joining import check_processes, join_processes


def table(coordinator=None, processes=None, process=None):
    return ConfigDict({"coordinator": coordinator, "processes": processes, "process": process})


@pytest.mark.parametrize("fields", [(), ("auto",), ("first-host:1234", 4, 3), ("[::1]:80", 1, 0)])
def test_what_belongs_together(fields):
    check_processes(table(*fields))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ((None, 2, None), "config.run.processes is 2, expected None where"),
        (("auto", None, 1), "config.run.process is 1, expected None where"),
        (("first-host", 2, 0), "expected the address of the first process, as 'host:1234', 'auto'"),
        ((":1234", 2, 0), "expected the address of the first process"),
        (("host:port", 2, 0), "expected the address of the first process"),
        (("host:1234", None, 0), "config.run.processes is None, expected a number"),
        (("host:1234", 2, None), "config.run.process is None, expected a number"),
        (("host:1234", 2, 2), "config.run.process is 2, expected 0 to 1 where"),
    ],
)
def test_what_does_not_is_one_sentence(fields, sentence):
    with pytest.raises(UserError) as caught:
        check_processes(table(*fields))
    assert sentence in str(caught.value)


def test_a_lone_process_joins_nobody():
    join_processes(table())


def test_processes_that_do_not_meet_are_one_sentence(monkeypatch):
    def fail():
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr("jax.distributed.initialize", fail)
    monkeypatch.setattr("jax.config.update", lambda *setting: None)
    with pytest.raises(UserError, match=r"did not meet .*; start the same command on every host"):
        join_processes(table("auto"))
