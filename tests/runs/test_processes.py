"""Two processes of two devices each, beside one process of four."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from sdjax.runs.processes import first_does, from_every_process
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
    assert done == [1] and from_every_process({"a": 1}) == [{"a": 1}]


def test_what_fails_in_the_first_is_told_to_all():
    def fail():
        raise ValueError("no such folder")

    with pytest.raises(ValueError, match="no such folder"):
        first_does(fail)
