"""A folder has one run; a lock whose holder is gone does not keep others out."""

import errno
import json
import os
import socket
import subprocess
import sys
import time

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


def test_a_lock_that_is_just_being_written_is_held(tmp_path, monkeypatch):
    """Of two hosts whose file system shares no locks one makes the file; the other gives it time to
    say so, and is refused where it does not."""
    monkeypatch.setattr("sdjax.runs.lock.WRITTEN_WITHIN", 0.2)
    (tmp_path / FILE).touch()
    with pytest.raises(InUseError, match="process unknown"), only_run(tmp_path):
        pass
    assert (tmp_path / FILE).exists()


def test_a_lock_that_cannot_be_written_is_none(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", full)
        with pytest.raises(OSError, match="No space"), only_run(tmp_path):
            pass
    assert not (tmp_path / FILE).exists()
    with only_run(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": 3, "process": "x"}', "\x00" * 100])
def test_a_damaged_lock_of_nobody_is_taken_over(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    former = time.time() - 2 * STALE
    os.utime(tmp_path / FILE, (former, former))
    with only_run(tmp_path):
        pass
