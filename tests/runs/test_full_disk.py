"""Where nothing more can be written: one sentence, exit code 2, and the run goes on later.

A limit on the size of files stands for the full disk: the system refuses the same calls.
"""

import os
import resource
import subprocess
import sys

import numpy as np
import pytest

SDJAX = [sys.executable, "-c", "from sdjax.commands.main import main; main()"]
FIELDS = {
    "seeds": 2,
    "stages.steps": 12,
    "stages.resolution": 16,
    "stages.grid": 2,
    "run.chunk": 4,
    "run.checkpoint_every": 4,
}


def started(folder, limit=None):
    fields = [f"--config.{name}={value}" for name, value in FIELDS.items()]
    return subprocess.run(
        [*SDJAX, "train", "--config=embedded_2d:sds", f"--workdir={folder}", *fields],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"JAX_ENABLE_COMPILATION_CACHE": "false", "JAX_NUM_CPU_DEVICES": "2"},
        preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))),
    )


def check_one_sentence(done, what):
    assert done.returncode == 2
    assert done.stderr.startswith("sdjax: error: ") and done.stderr.count("\n") == 1, done.stderr
    assert what in done.stderr and "File too large" in done.stderr


def test_no_checkpoint_is_one_sentence_and_the_run_goes_on_when_there_is_room(tmp_path):
    check_one_sentence(started(tmp_path, limit=3_000), "A checkpoint in")
    assert not (tmp_path / "metrics.json").exists() and not (tmp_path / "lock").exists()
    done = started(tmp_path)
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "views.npz")["views"].shape[0] == 2


@pytest.mark.long
def test_no_picture_is_one_sentence_and_the_checkpoints_stay(tmp_path):
    assert started(tmp_path).returncode == 0
    (tmp_path / "sheet.png").unlink()
    check_one_sentence(started(tmp_path, limit=3_000), "sheet.png")
    assert started(tmp_path).returncode == 0 and (tmp_path / "sheet.png").exists()
