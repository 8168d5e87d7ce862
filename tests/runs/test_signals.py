"""A signal ends a command at once, and a run after it has saved; nothing is ever a traceback."""

import os
import random
import signal
import threading
import time

import numpy as np
import pytest

from sdjax.runs.signals import SIGNALS, InterruptedRunError, Listener, asking_first
from tests.runs.commands import SMALL, ended, started

UNSAVED = SMALL | {"run.checkpoint_every": 400}


def listening():
    """Signals as in a terminal: those that started the tests may have some of them ignored."""
    for one in SIGNALS:
        signal.signal(one, signal.SIG_DFL)


def start(folder, **settings):
    fields = UNSAVED | settings
    return started("train", "embedded_2d:sds", folder, fields, preexec_fn=listening)


def wait_for_steps(process):
    while "guidance" not in process.stdout.readline():
        assert process.poll() is None, process.stderr.read()


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [
        (signal.SIGTERM, 143, "SIGTERM"),
        pytest.param(signal.SIGINT, 130, "Ctrl-C", marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, "SIGHUP", marks=pytest.mark.slow),
    ],
)
def test_a_run_saves_first_and_goes_on_from_there(tmp_path, number, code, name):
    process = start(tmp_path)
    wait_for_steps(process)
    process.send_signal(number)
    found, told = ended(process, within=60)
    assert found == code
    assert f"{name}: saving after these steps" in told and f"{name}: saved after " in told
    assert "Traceback" not in told
    steps = [int(path.name) for path in (tmp_path / "checkpoints").iterdir()]
    assert len(steps) == 1 and 0 < steps[0] < 400 and steps[0] % 4 == 0
    assert f"saved after {steps[0]} of 400 steps" in told
    assert not (tmp_path / "lock").exists()


@pytest.mark.long
def test_what_was_interrupted_ends_as_if_it_had_not_been(tmp_path):
    short = {"stages.steps": 3000}
    for _ in range(3):
        process = start(tmp_path / "interrupted", **short)
        wait_for_steps(process)
        time.sleep(random.uniform(0.0, 0.5))
        process.terminate()
        assert ended(process, within=60)[0] == 143
    assert start(tmp_path / "interrupted", **short).wait(120) == 0
    assert start(tmp_path / "whole", **short).wait(120) == 0
    ours, whole = (np.load(tmp_path / name / "views.npz") for name in ("interrupted", "whole"))
    np.testing.assert_array_equal(ours["views"], whole["views"])


@pytest.mark.slow
def test_a_second_signal_stops_at_once(tmp_path):
    process = start(
        tmp_path,
        **{
            "stages.steps": "4,4000000",
            "stages.resolution": "16,16",
            "stages.grid": "2,2",
            "run.chunk": 4000000,
        },
    )  # which takes long
    wait_for_steps(process)
    time.sleep(3.0)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    code, told = ended(process, within=3)
    assert code == 130 and "Traceback" not in told
    assert told.count("stopped by Ctrl-C") == 1 and "saving after these steps" in told


@pytest.mark.parametrize("delays", [2, pytest.param(25, marks=pytest.mark.long)])
def test_ctrl_c_at_any_time_of_the_start_is_one_line(tmp_path, delays):
    for delay in np.linspace(0.4, 4.0, delays):
        process = started("train", "demo", tmp_path, {}, preexec_fn=listening)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        code, told = ended(process, within=20)
        assert code == 130, told
        assert (
            "Traceback" not in told and "Ctrl-C" in told.splitlines()[-1] and "stopped by" in told
        )


def test_the_first_is_noted_and_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(InterruptedRunError), asking_first() as asked:
        assert asked() is None  # from now on there is something to save
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(100):
            if asked() is not None:
                break
            time.sleep(0.01)
        assert asked() == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_after_the_last_look_is_not_forgotten():
    with pytest.raises(InterruptedRunError) as error, asking_first() as asked:
        asked()
        signal.raise_signal(signal.SIGTERM)
    assert error.value.number == signal.SIGTERM


@pytest.fixture
def interruptible():
    """Python's own handler, which is not there where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("looked", [True, False])
def test_in_a_program_a_signal_is_the_program_s(looked):
    """A notebook's interruption does not end its process."""
    with pytest.raises(KeyboardInterrupt), asking_first() as asked:
        if looked:
            asked()
            signal.raise_signal(signal.SIGINT)
            assert asked() == signal.SIGINT
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the signal was lost")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_is_ignored_stays_so():
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with asking_first() as asked:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.1)
            assert asked() is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_of_the_main_thread_nothing_is_taken_over():
    before, seen = signal.getsignal(signal.SIGINT), []

    def inside():
        with Listener(seen.append):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [before]
