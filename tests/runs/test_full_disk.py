"""Where nothing more can be written: one sentence, exit code 2, and the run goes on later.

A limit on the size of files stands for the full disk: the system refuses the same calls.
"""

import resource

import numpy as np
import pytest

from tests.runs.commands import SMALL, ended, started

SHORT = SMALL | {"stages.steps": 12, "run.checkpoint_every": 4}
UNCACHED = {"JAX_ENABLE_COMPILATION_CACHE": "false"}


def run(folder, limit=None):
    """Exit code and stderr; no file may have more bytes than the limit."""
    limited = limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    process = started("train", "embedded_2d:sds", folder, SHORT, UNCACHED, preexec_fn=limited)
    return ended(process, within=120)


def check_one_sentence(done, what):
    code, told = done
    assert code == 2
    assert told.startswith("sdjax: error: ") and told.count("\n") == 1, told
    assert what in told and "File too large" in told


def test_no_checkpoint_is_one_sentence_and_the_run_goes_on_when_there_is_room(tmp_path):
    check_one_sentence(run(tmp_path, limit=3_000), "A checkpoint in")
    assert not (tmp_path / "metrics.json").exists() and not (tmp_path / "lock").exists()
    code, told = run(tmp_path)
    assert code == 0, told
    assert np.load(tmp_path / "views.npz")["views"].shape[0] == 2


@pytest.mark.long
def test_no_picture_is_one_sentence_and_the_checkpoints_stay(tmp_path):
    assert run(tmp_path)[0] == 0
    (tmp_path / "sheet.png").unlink()
    check_one_sentence(run(tmp_path, limit=3_000), "sheet.png")
    assert run(tmp_path)[0] == 0 and (tmp_path / "sheet.png").exists()
