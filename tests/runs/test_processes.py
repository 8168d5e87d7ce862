"""How processes join, what they know, and two of two devices each beside one of four."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from absl import flags
from ml_collections import ConfigDict

from sdjax.commands import process_options
from sdjax.config.errors import UserError
from sdjax.reports.evaluation import load_views
from sdjax.runs.processes import (
    all_do,
    check_processes,
    first_does,
    from_every_process,
    is_first,
    join_processes,
    own_share,
    prepare_machine,
)
from sdjax.runs.schema import load_config
from sdjax.sample import sample
from sdjax.train import train
from tests.runs.small_networks import network_run, train_only
from tests.runs.small_pictures import learning, pictures, sharing, stored
from tests.small_runs import SAMPLED, contents, objects_config

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
    config = sharing(seeds=seeds, **{"run.devices": 4})
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


@pytest.mark.slow
def test_the_other_commands_divide_their_work(objects_run, tmp_path):
    """Samples, an export, a sweep that trains each run together, a comparison: the files of one
    process; what is refused is one sentence in both."""
    two = tmp_path / "two"
    shutil.copytree(objects_run, two / "objects")
    (two / "configs").mkdir()
    table = json.dumps(pictures(seeds=4).to_dict())
    source = f"import json\ndef get_config():\n    return json.loads({table!r})\n"
    (two / "configs" / "sds.py").write_text(source)
    told = two_processes("commands", two)
    sample("sample", tmp_path / "one", SAMPLED)
    names = [
        {path.relative_to(folder) for path in contents(folder)}
        for folder in (tmp_path / "one", two / "sampled")
    ]
    assert names[0] == names[1]
    views = [load_views(folder / "views.npz")[0] for folder in (tmp_path / "one", two / "sampled")]
    np.testing.assert_allclose(*map(np.int16, views), atol=1)  # of 255
    for name in ("turntable.gif", "mesh.glb"):
        for seed in ("seed_3", "seed_4"):
            written = (two / "exported" / seed / name).read_bytes()
            assert written == (objects_run / seed / name).read_bytes()
    wrote = [[line for line in text.splitlines() if "wrote: save_mesh" in line] for text in told]
    assert wrote == [[f"wrote: save_mesh seed_{k} mesh.glb"] for k in (3, 4)]
    for text in told:
        assert "failed: {}" in text and text.count("refused: ") == 2
        assert "config.seeds is 3 there and 4 here" in text
        assert "config.prompt is 'a chair' there and 'a car' here" in text  # the first one's
    assert (two / "swept" / "sds.png").is_file() and (two / "swept" / "sweep.md").is_file()
    assert "| sds | SDS |" in (two / "compared" / "comparison.md").read_text()


@pytest.mark.long
@pytest.mark.parametrize(("name", "bound"), [("vsd", 1e-4), ("in_parts", 1e-4), ("picture", 3e-4)])
def test_networks_that_learn_or_lie_in_parts(name, bound, tmp_path, monkeypatch):
    """VSD with a real LoRA, its network whole and in parts over devices of each process, and a
    network in parts beside a picture, as one process with as many devices trains them: to rounding,
    as the sum over particles has another order."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    two_processes(name, tmp_path)
    config = load_config(network_run(name, tmp_path), {"run.devices": 4})
    train_only(config, tmp_path / "one")
    ours, theirs = (stored(config, tmp_path / each) for each in ("one", "two"))
    assert ours[0] == theirs[0] == 2
    worst = {
        what: largest_difference(getattr(ours[1], what), getattr(theirs[1], what))
        for what in ("params", "shared")
    }
    print(name, worst)
    assert max(worst.values()) < bound


def largest_difference(ours, theirs):
    """Of any leaf, beside its largest value."""
    relative = lambda a, b: np.abs(a - b).max() / max(np.abs(b).max(), 1e-12)  # noqa: E731
    leaves = jax.tree.leaves(jax.tree.map(relative, ours, theirs))
    return max(leaves, default=0.0)


def test_a_lone_process_is_the_first_and_everyone():
    done = []
    first_does(lambda: done.append(1))
    assert done == [1] and from_every_process({"a": 1}) == [{"a": 1}] and is_first()
    assert all_do(lambda: 3) == 3 and own_share("abc") == ["a", "b", "c"]


def test_a_share_is_one_process_s_and_all_are_done(monkeypatch):
    monkeypatch.setattr("jax.process_count", lambda: 3)
    shares = []
    for process in range(3):
        monkeypatch.setattr("jax.process_index", lambda process=process: process)
        shares.append(own_share(range(7)))
    assert shares == [[0, 3, 6], [1, 4], [2, 5]]


def test_what_fails_in_another_is_told_to_all(monkeypatch):
    monkeypatch.setattr("sdjax.runs.processes.from_every_process", lambda one: [one, None, "of 2"])
    with pytest.raises(UserError, match="of 2"):
        all_do(lambda: 3)


def test_what_fails_in_the_first_is_told_to_all():
    """A sentence for the user; a bug keeps its own kind, and its traceback."""

    def fail(error):
        raise error

    with pytest.raises(UserError, match="no such folder"):
        first_does(lambda: fail(UserError("no such folder")))
    with pytest.raises(ValueError, match="a bug") as caught:
        first_does(lambda: fail(ValueError("a bug")))
    assert not isinstance(caught.value, UserError)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "a.npz"), "a.npz: No space left on device."),
        (OSError("the hub\nis away."), "A file: the hub is away."),
        (ConnectionResetError(), "A file: ConnectionResetError."),
    ],
)
def test_what_the_system_refuses_says_why(error, sentence):
    """And keeps where it was raised."""

    def fail():
        raise error

    for ask in (first_does, all_do):
        with pytest.raises(UserError) as caught:
            ask(fail)
        assert str(caught.value) == sentence and caught.value.__cause__ is error


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
    """As fields of a configuration, and as options of a command without one."""
    with pytest.raises(UserError) as caught:
        check_processes(table(*fields))
    assert sentence in str(caught.value)
    values = flags.FlagValues()
    process_options.define(values)
    given = {name: value for name, value in table(*fields).items() if value is not None}
    values(["command", *(f"--{name}={value}" for name, value in given.items())])
    with pytest.raises(UserError) as caught:
        process_options.join(values)
    assert sentence.replace("config.run.", "--") in str(caught.value)


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
