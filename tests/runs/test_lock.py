"""A folder has one run; a lock whose holder is gone does not keep others out."""

import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sdjax.config.errors import UserError
from sdjax.runs.lock import FILE, STALE, InUseError, only_run

HOLD = """
import sys, time
from sdjax.runs.lock import only_run
with only_run(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Of processes on one machine, soon."""
    monkeypatch.setattr("sdjax.runs.lock.SETTLED_AFTER", 0.1)


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_run_is_refused_by_the_name_of_the_first(tmp_path, holder):
    with pytest.raises(UserError, match=r"is in use by a run on") as error, only_run(tmp_path):
        pass
    assert socket.gethostname() in str(error.value) and f"process {holder.pid};" in str(error.value)
    assert json.loads((tmp_path / FILE).read_text())["process"] == holder.pid


def test_the_lock_of_a_killed_run_is_taken_over(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / FILE).exists()
    with only_run(tmp_path):
        assert json.loads((tmp_path / FILE).read_text())["process"] == os.getpid()
    assert not (tmp_path / FILE).exists()


def test_within_one_process_too(tmp_path):
    with only_run(tmp_path), pytest.raises(UserError, match="is in use"), only_run(tmp_path):
        pass
    with only_run(tmp_path):
        pass


def test_the_lock_of_another_host_is_stale_when_nobody_touches_it(tmp_path):
    path = tmp_path / FILE
    path.write_text(json.dumps({"host": "elsewhere", "process": 1}))
    with pytest.raises(UserError, match="by a run on elsewhere, process 1"), only_run(tmp_path):
        pass
    former = time.time() - 2 * STALE
    os.utime(path, (former, former))
    with only_run(tmp_path):
        pass


def test_of_several_that_find_it_stale_one_takes_it_over(tmp_path, monkeypatch):
    """On a file system that shares no locks between hosts: all see a lock that nobody touches."""
    monkeypatch.setattr("fcntl.flock", lambda *_: None)
    path, meet, ended = tmp_path / FILE, threading.Barrier(4), threading.Barrier(4)
    path.write_text(json.dumps({"host": "elsewhere", "process": 1}))
    replace = os.replace

    def once_all_have_looked(*names):
        meet.wait(10)
        replace(*names)

    def take(_):
        try:
            with only_run(tmp_path):
                ended.wait(10)
                return path.exists()
        except InUseError as error:
            ended.wait(10)
            return str(error)

    monkeypatch.setattr("os.replace", once_all_have_looked)
    former = time.time() - 2 * STALE
    os.utime(path, (former, former))
    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(take, range(4)))
    refused = [one for one in told if one is not True]
    assert len(refused) == 3 and all(f"process {os.getpid()}" in one for one in refused)
    assert list(tmp_path.iterdir()) == []


def test_a_new_lock_is_never_empty(tmp_path, monkeypatch):
    """Nobody finds it before its holder's name stands in it."""
    linked = []

    def link(part, path):
        linked.append(json.loads(Path(part).read_text())["process"])
        os.rename(part, path)

    monkeypatch.setattr("os.link", link)
    with only_run(tmp_path):
        assert linked == [os.getpid()] and os.listdir(tmp_path) == [FILE]


def test_without_hard_links_too(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    with only_run(tmp_path), pytest.raises(InUseError, match="is in use"), only_run(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_was_taken_over_stays_its_new_holder_s(tmp_path):
    """Where the former one was asleep for longer than a lock stays fresh."""
    with only_run(tmp_path):
        (tmp_path / FILE).unlink()
        (tmp_path / FILE).write_text("another's")
    assert (tmp_path / FILE).read_text() == "another's"


def test_a_lock_that_cannot_be_written_is_none(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", full)
        with pytest.raises(OSError, match="No space") as caught, only_run(tmp_path):
            pass
    assert caught.value.filename == str(tmp_path / FILE) and list(tmp_path.iterdir()) == []
    with only_run(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": 3, "process": "x"}', "\x00" * 100])
def test_a_damaged_lock_of_nobody_is_taken_over(tmp_path, content):
    """At once: a holder's is never empty."""
    (tmp_path / FILE).write_text(content)
    with only_run(tmp_path):
        assert json.loads((tmp_path / FILE).read_text())["process"] == os.getpid()
