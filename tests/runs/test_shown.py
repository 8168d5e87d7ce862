"""A run without its prior has the particles of the run with it."""

import jax
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.runs import loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.run import open_run
from sdjax.runs.shown import open_shown, restore_shown
from tests.small_runs import objects_config


def test_the_params_of_the_newest_checkpoint(objects_run):
    shown, run = open_shown(objects_config()), open_run(objects_config())
    assert shown.prior is None and shown.seeds.tolist() == run.seeds.tolist()
    with Checkpoints(objects_run / "checkpoints") as checkpoints:
        step, particles = restore_shown(shown, checkpoints)
        expected = loop.restore(run, checkpoints)
    assert step == expected[0] == 10
    jax.tree.map(np.testing.assert_array_equal, particles.params, expected[1].params)
    assert particles.optimizer_state is particles.rule_state is particles.shared is None


def test_no_checkpoint(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert restore_shown(open_shown(objects_config()), checkpoints) is None


def test_a_checkpoint_of_another_size(objects_run):
    other = objects_config(seeds=3)
    with (
        Checkpoints(objects_run / "checkpoints") as checkpoints,
        pytest.raises(UserError, match=r"has float32\[2, .* expected float32\[3, "),
    ):
        restore_shown(open_shown(other), checkpoints)
