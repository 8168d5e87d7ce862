"""Processes that can neither hang this one nor outlive it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sdjax.benchmarks.beside import Beside, BesideError
from sdjax.benchmarks.section import Deadline

ECHO = "tests.benchmarks.echo"
SOON = 20.0  # seconds for what takes none

# Starts one, tells its processes, and then waits for it for ever.
STARTER = f"""
import json
from sdjax.benchmarks.beside import Beside
from sdjax.benchmarks.section import Deadline
beside = Beside({ECHO!r})
beside.ask({{"child": True}})
print(json.dumps(beside.answer(Deadline.after({SOON}), "it")), flush=True)
beside.ask({{"sleep": 100}})
beside.answer(Deadline.after(100.0), "it")
"""


def asked(beside, seconds=SOON, **request):
    beside.ask(request)
    return beside.answer(Deadline.after(seconds), "it")


def wait_until_gone(processes):
    limit = time.monotonic() + SOON
    while any(lives(process) for process in processes):
        assert time.monotonic() < limit, f"{processes} live on"
        time.sleep(0.02)


def lives(process):
    try:
        return (Path("/proc") / str(process) / "stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


def test_requests_are_answered_and_errors_are_sentences():
    with Beside(ECHO) as beside:
        assert asked(beside, a=1) == {"said": {"a": 1}}
        with pytest.raises(BesideError, match=r"^ValueError: too big$"):
            asked(beside, **{"raise": "too big\nindeed"})
        assert asked(beside, b=2) == {"said": {"b": 2}}
        processes = asked(beside, child=True)["processes"]
    wait_until_gone(processes)


def test_what_takes_too_long_is_ended_with_what_it_started():
    with Beside(ECHO) as beside:
        processes = asked(beside, child=True)["processes"]
        began = time.monotonic()
        with pytest.raises(BesideError, match=r"^it took more than 0.2 s, and was ended\.$"):
            asked(beside, seconds=0.2, sleep=50)
        assert time.monotonic() - began < 10 and beside.has_ended
        wait_until_gone(processes)
        with pytest.raises(BesideError, match=r"^it: the process ended\.$"):
            asked(beside, a=1)


def test_one_that_ends_by_itself_is_a_sentence_with_its_last_words():
    sentence = r"^it: the process ended \(noise\)\.$"
    with Beside(ECHO) as beside, pytest.raises(BesideError, match=sentence):
        asked(beside, exit=True)


def test_it_does_not_outlive_a_process_that_is_killed():
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True)
    processes = json.loads(starter.stdout.readline())["processes"]
    assert all(map(lives, processes))
    os.kill(starter.pid, 9)
    starter.wait()
    wait_until_gone(processes)
