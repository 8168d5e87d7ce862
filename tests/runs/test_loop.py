"""Runs are the same bit for bit whatever interrupts them, and whatever runs beside a seed."""

import os
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.runs import loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.run import open_run
from sdjax.runs.watch import Watch
from sdjax.train import train
from tests.small_runs import images_config, objects_config

pytestmark = pytest.mark.usefixtures("quick_compilation")


def stored(folder, config):
    """Steps done and particles in the newest checkpoint of a run."""
    with Checkpoints(folder / "checkpoints") as checkpoints:
        return loop.restore(open_run(config), checkpoints)


def assert_identical(tree, other):
    jax.tree.map(np.testing.assert_array_equal, tree, other)


class InterruptionError(Exception):
    """In place of a kill."""


def interrupt_after(monkeypatch, step):
    """The next run dies when it has reported this step."""
    report = Watch.__call__

    def report_and_die(self, chunk):
        report(self, chunk)
        if chunk.step == step:
            raise InterruptionError

    monkeypatch.setattr(Watch, "__call__", report_and_die)


def test_a_run_interrupted_within_and_between_stages_is_identical(
    objects_run, tmp_path, monkeypatch
):
    for step in (4, 6):
        with monkeypatch.context() as patch, pytest.raises(InterruptionError):
            interrupt_after(patch, step)
            train(objects_config(), tmp_path)
    evaluation = train(objects_config(), tmp_path)
    assert evaluation.metrics["resumed_at"] == 6
    step, particles = stored(tmp_path, objects_config())
    assert step == 10
    assert_identical(particles, stored(objects_run, objects_config())[1])
    assert (tmp_path / "sheet.png").read_bytes() == (objects_run / "sheet.png").read_bytes()
    lines = (tmp_path / "metrics.jsonl").read_text()
    assert lines == (objects_run / "metrics.jsonl").read_text()


KILLED = """
import os, signal, sys
from pathlib import Path
import jax
from sdjax.runs.watch import Watch
from sdjax.train import train
from tests.small_runs import images_config

report, folder = Watch.__call__, Path(sys.argv[1])

def report_and_die(self, chunk):
    report(self, chunk)
    if chunk.step == 8:
        while not (folder / "checkpoints" / "6").exists():
            pass
        os.kill(os.getpid(), signal.SIGKILL)

Watch.__call__ = report_and_die
train(images_config(), folder, {"stages.steps": (12,), "run.checkpoint_every": 2})
"""


@pytest.mark.slow
def test_a_killed_run_is_resumed_and_identical(tmp_path):
    settings = {"stages.steps": (12,), "run.checkpoint_every": 2}
    environment = os.environ | {
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir,
        "JAX_NUM_CPU_DEVICES": "8",
    }
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed")]
    assert subprocess.run(command, env=environment).returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "metrics.json").exists()
    resumed = train(images_config(), tmp_path / "killed", settings)
    whole = train(images_config(), tmp_path / "whole", settings)
    assert resumed.metrics["resumed_at"] in (6, 8)
    config = images_config(**settings)
    assert_identical(stored(tmp_path / "killed", config), stored(tmp_path / "whole", config))
    np.testing.assert_array_equal(resumed.views, whole.views)


@pytest.mark.slow
def test_a_resumed_run_may_have_other_chunks_and_reports(tmp_path, monkeypatch):
    settings = {"stages.steps": (12,), "run.checkpoint_every": 4, "run.chunk": 4}
    with monkeypatch.context() as patch, pytest.raises(InterruptionError):
        interrupt_after(patch, 4)
        train(images_config(), tmp_path, settings)
    train(images_config(), tmp_path, settings | {"run.chunk": 12, "report.frames": 5})
    assert stored(tmp_path, images_config(**settings))[0] == 12


@pytest.mark.slow
def test_a_stage_ends_with_the_chunk_that_is_left(tmp_path, monkeypatch):
    seen = []
    with monkeypatch.context() as patch:
        patch.setattr(Watch, "__call__", lambda self, chunk: seen.append(chunk))
        train(images_config(), tmp_path, {"stages.steps": (7,), "run.chunk": 3})
    assert [(chunk.step, chunk.steps, chunk.compiles) for chunk in seen] == [
        (3, 3, True),
        (6, 3, False),
        (7, 1, False),
    ]


def final_particle(seeds, first_seed, tmp_path, **settings):
    config = images_config(seeds=seeds, first_seed=first_seed, **settings)
    run = open_run(config)
    with Checkpoints(tmp_path / f"{seeds}-{first_seed}-{len(settings)}") as checkpoints:
        return loop.train(run, checkpoints)


@pytest.mark.slow
def test_a_seed_is_the_same_alone_and_beside_others(tmp_path):
    alone = final_particle(1, 5, tmp_path)
    beside = final_particle(4, 2, tmp_path)
    spread = final_particle(4, 2, tmp_path, **{"run.devices": 2, "run.mapping": "vmap"})
    for many in (beside, spread):
        image = many.params["image"][3]
        np.testing.assert_allclose(image, alone.params["image"][0], atol=1e-6)
    assert np.abs(beside.params["image"][0] - alone.params["image"][0]).max() > 1e-3


@pytest.mark.slow
def test_a_checkpoint_of_another_run_is_one_sentence(tmp_path):
    config = images_config()
    train(config, tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(
        UserError, match=r"The checkpoint .* is of a run with another .*config.seeds is 9"
    ):
        train(config, tmp_path, {"seeds": 8})
