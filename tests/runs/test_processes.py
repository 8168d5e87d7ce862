"""How processes join, what they know, and two of two devices each beside one of four."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from sdjax.config.errors import UserError
from sdjax.runs.processes import (
    check_processes,
    first_does,
    from_every_process,
    is_first,
    join_processes,
    prepare_machine,
)
from sdjax.train import train
from tests.runs.small_pictures import learning, pictures, stored
from tests.small_runs import objects_config

pytestmark = pytest.mark.usefixtures("quick_compilation")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def two_processes(kind, folder):
    """The output of both, which run at the same time."""
    environment = os.environ | {
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir,
        "JAX_NUM_CPU_DEVICES": "2",
    }
    command = [sys.executable, "-m", "tests.runs.two_processes", kind, str(folder)]
    command.append(str(free_port()))
    started = [
        subprocess.Popen(
            [*command, str(process)],
            env=environment,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for process in range(2)
    ]
    try:
        told = [process.communicate(timeout=300)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], "\n".join(told)
    return told


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [4, pytest.param(6, marks=pytest.mark.long)])
def test_they_train_the_particles_of_one_process(seeds, tmp_path, monkeypatch):
    """Bit for bit, on as many devices, and with what all of them learn together.

    The sums over particles are exact here; those of a real network depend on their order, which
    is another one over processes, by rounding.
    """
    told = two_processes(str(seeds), tmp_path / "two")
    monkeypatch.setattr("sdjax.runs.build.make_rule", learning)
    config = pictures(seeds=seeds, **{"run.devices": 4})
    train(config, tmp_path / "one")
    ours, theirs = (stored(config, tmp_path / name / "checkpoints") for name in ("one", "two"))
    assert theirs[0] == theirs[1].shared.optimizer_state[0].count == 4
    assert theirs[1].params["image"].shape == (seeds, 8, 8, 3)
    jax.tree.map(np.testing.assert_array_equal, theirs, ours)
    for name in ("metrics.jsonl", "views.npz", "sheet.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert "writing pictures" in told[0] and "writing pictures" not in told[1]
    for text in told:
        assert "refused: " in text and "holds a run with another configuration" in text


@pytest.mark.long
def test_each_writes_its_own_particles(tmp_path):
    """Three particles: two and one; the first process writes what they share."""
    told = two_processes("objects", tmp_path / "two")
    wrote = [{line[7:] for line in text.splitlines() if line.startswith("wrote:")} for text in told]
    of_seed = lambda seed: {  # noqa: E731
        f"write_turntable seed_{seed} turntable.gif",
        f"save_mesh seed_{seed} mesh.glb",
    }
    assert wrote[1] == of_seed(5)
    shared = {"save_png two sheet.png", "save_views two views.npz"}
    assert wrote[0] == of_seed(3) | of_seed(4) | shared
    train(objects_config(**{"run.devices": 4, "seeds": 3}), tmp_path / "one")
    names = [
        {path.relative_to(folder) for path in folder.rglob("*") if "seed_" in str(path)}
        for folder in (tmp_path / "two", tmp_path / "one")
    ]
    assert names[0] == names[1]
    for name in (Path("seed_5/turntable.gif"), Path("views.npz")):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_a_lone_process_is_the_first_and_everyone():
    done = []
    first_does(lambda: done.append(1))
    assert done == [1] and from_every_process({"a": 1}) == [{"a": 1}] and is_first()


def test_what_fails_in_the_first_is_told_to_all():
    """A sentence for the user; a bug keeps its own kind, and its traceback."""

    def fail(error):
        raise error

    with pytest.raises(UserError, match="no such folder"):
        first_does(lambda: fail(UserError("no such folder")))
    with pytest.raises(ValueError, match="a bug") as caught:
        first_does(lambda: fail(ValueError("a bug")))
    assert not isinstance(caught.value, UserError)


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


@pytest.fixture
def joined(monkeypatch):
    """What JAX is asked to join; nothing is."""
    calls = []
    monkeypatch.setattr("jax.distributed.initialize", lambda **given: calls.append(given))
    monkeypatch.setattr("jax.config.update", lambda *setting: calls.append(setting))
    return calls


def test_a_lone_process_joins_nobody(joined):
    join_processes(table())
    assert joined == []


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        (("auto",), {}),
        (
            ("host:1234", 4, 3),
            {"coordinator_address": "host:1234", "num_processes": 4, "process_id": 3},
        ),
    ],
)
def test_others_are_joined_once(joined, monkeypatch, fields, given):
    join_processes(table(*fields))
    assert joined == [("jax_cpu_collectives_implementation", "gloo"), given]
    monkeypatch.setattr("jax.distributed.is_initialized", lambda: True)
    join_processes(table(*fields))
    assert len(joined) == 2


@pytest.mark.parametrize("error", [ValueError, RuntimeError])
def test_processes_that_do_not_meet_are_one_sentence(joined, monkeypatch, error):
    def fail():
        raise error("coordinator_address should be\ndefined.")

    monkeypatch.setattr("jax.distributed.initialize", fail)
    with pytest.raises(UserError, match=r"did not meet .*; start the same command on every host"):
        join_processes(table("auto"))


MACHINE = """
import jax
from sdjax.runs.processes import prepare_machine

if {early}:
    jax.config.update("jax_num_cpu_devices", 3)
prepare_machine()
prepare_machine()
print(jax.config.jax_compilation_cache_dir, jax.device_count())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("early", "settings", "cache", "devices"),
    [
        (False, {}, "{home}/.cache/sdjax/programs", len(os.sched_getaffinity(0))),
        (True, {}, "{home}/.cache/sdjax/programs", 3),
        (False, {"JAX_COMPILATION_CACHE_DIR": "x", "JAX_NUM_CPU_DEVICES": "2"}, "x", 2),
    ],
)
def test_a_cpu_has_a_device_per_core_unless_the_user_says_else(
    early, settings, cache, devices, tmp_path
):
    ours = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    environment = ours | {"HOME": str(tmp_path), "JAX_PLATFORMS": "cpu"} | settings
    command = [sys.executable, "-c", MACHINE.format(early=early)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout == f"{cache.format(home=tmp_path)} {devices}\n", done.stderr


def test_after_the_first_computation_the_devices_stay():
    before = jax.device_count()
    prepare_machine()
    assert jax.device_count() == before == 8
