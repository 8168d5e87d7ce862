import errno
import os
import shutil
import signal
import subprocess
import sys
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sdjax.config.errors import UserError
from sdjax.runs.checkpoints import Checkpoints


class Particle(NamedTuple):
    density: jax.Array
    optimiser: optax.OptState
    rule: tuple


def particle(seed):
    params = {"grid": jax.random.normal(jax.random.key(seed), (8, 5)), "blob": jnp.float32(seed)}
    half = jnp.arange(3, dtype=jnp.bfloat16) / 3 + seed
    rule = (jnp.array([True, False]), half, 7 + seed, jnp.zeros((0, 3)), ())
    return Particle(params["grid"] * 2, optax.adam(0.1).init(params), rule)


def assert_same(tree, expected):
    assert jax.tree.structure(tree) == jax.tree.structure(expected)
    for leaf, other in zip(jax.tree.leaves(tree), jax.tree.leaves(expected), strict=True):
        assert leaf.dtype == np.asarray(other).dtype
        np.testing.assert_array_equal(leaf, other)


def write(folder, *steps):
    with Checkpoints(folder) as checkpoints:
        for step in steps:
            checkpoints.save(step, particle(step))


def test_nothing_saved_is_none(tmp_path):
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        assert checkpoints.restore_latest(lambda step: particle(0)) is None


def test_restores_every_bit_of_the_newest(tmp_path):
    write(tmp_path, 10, 20)
    with Checkpoints(tmp_path) as checkpoints:
        step, tree = checkpoints.restore_latest(lambda step: particle(0))
    assert step == 20
    assert_same(tree, particle(20))


def test_a_template_of_shapes_is_enough(tmp_path):
    shapes = jax.eval_shape(lambda: {"x": jnp.ones((2, 3)), "empty": jnp.zeros(0)})
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"x": jnp.ones((2, 3)), "empty": jnp.zeros(0)})
        _, tree = checkpoints.restore_latest(lambda step: shapes)
    assert_same(tree, {"x": np.ones((2, 3), np.float32), "empty": np.zeros(0, np.float32)})


def test_keeps_the_last_two(tmp_path):
    write(tmp_path, 1, 2, 3, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3", "4"]


def test_sharded_arrays_are_stored_whole(tmp_path):
    mesh = jax.make_mesh((4,), ("device",))
    sharding = jax.NamedSharding(mesh, jax.P("device"))
    values = np.arange(24, dtype=np.float32).reshape(8, 3)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"x": jax.device_put(values, sharding)})
        _, tree = checkpoints.restore_latest(lambda step: {"x": values})
    assert_same(tree, {"x": values})


def test_the_saved_buffer_may_be_donated_at_once(tmp_path):
    advance = jax.jit(lambda x: x + 1, donate_argnums=0)
    values = jnp.zeros((512, 512))
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"x": values})
        for _ in range(20):
            values = advance(values)
        _, tree = checkpoints.restore_latest(lambda step: {"x": values})
    assert not tree["x"].any()


def shorten_data(folder):
    for data in folder.rglob("d/*"):
        data.write_bytes(data.read_bytes()[:-20])


def empty_metadata(folder):
    (folder / "tree" / "_METADATA").write_text("")


def remove_contents(folder):
    shutil.rmtree(folder / "tree")


@pytest.mark.parametrize("damage", [shorten_data, empty_metadata, remove_contents])
def test_a_damaged_checkpoint_is_set_aside_and_training_goes_on(tmp_path, damage):
    write(tmp_path, 10, 20)
    damage(tmp_path / "20")
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.warns(UserWarning, match=r"checkpoint of step 20 is damaged"):
            step, tree = checkpoints.restore_latest(lambda step: particle(0))
        assert step == 10
        assert_same(tree, particle(10))
        checkpoints.save(20, particle(21))
        assert_same(checkpoints.restore_latest(lambda step: particle(0))[1], particle(21))
    assert (tmp_path / "20.damaged").is_dir()


@pytest.mark.filterwarnings("ignore:The checkpoint of step")
def test_who_only_reads_changes_nothing(tmp_path):
    write(tmp_path, 10, 20)
    empty_metadata(tmp_path / "20")
    before = sorted(path.name for path in tmp_path.iterdir())
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        assert checkpoints.restore_latest(lambda step: particle(0))[0] == 10
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_what_the_machine_cannot_read_is_not_damaged(tmp_path, monkeypatch, number):
    write(tmp_path, 10, 20)
    with Checkpoints(tmp_path) as checkpoints:

        def refuse(folder):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(checkpoints, "_leaves", refuse)
        with pytest.raises(UserError, match="cannot be read"):
            checkpoints.restore_latest(lambda step: particle(0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "20"]


@pytest.mark.filterwarnings("ignore:The checkpoint of step")
def test_a_checkpoint_under_the_name_of_another_step_is_damaged(tmp_path):
    write(tmp_path, 10, 20)
    (tmp_path / "20").rename(tmp_path / "15")
    with Checkpoints(tmp_path) as checkpoints:
        step, tree = checkpoints.restore_latest(lambda step: particle(0))
    assert step == 10
    assert_same(tree, particle(10))


@pytest.mark.filterwarnings("ignore:The checkpoint of step")
def test_what_was_set_aside_is_no_new_start(tmp_path):
    write(tmp_path, 10)
    (tmp_path / "10").rename(tmp_path / "10.damaged")
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(UserError, match="is damaged"):
        checkpoints.restore_latest(lambda step: particle(0))


@pytest.mark.filterwarnings("ignore:The checkpoint of step")
def test_all_damaged_is_an_error_rather_than_a_new_start(tmp_path):
    write(tmp_path, 10, 20)
    empty_metadata(tmp_path / "10")
    empty_metadata(tmp_path / "20")
    with (
        Checkpoints(tmp_path) as checkpoints,
        pytest.raises(ValueError, match=r"Every checkpoint in .* is damaged"),
    ):
        checkpoints.restore_latest(lambda step: particle(0))


BASE = {"params": {"density": np.ones((4, 3), np.float32)}}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            {"params": {"density": np.ones((4, 4), np.float32)}},
            r"has float32\[4, 3\] at 'params.density', expected float32\[4, 4\]",
        ),
        (
            {"params": {"density": np.ones((4, 3), np.float16)}},
            r"has float32\[4, 3\] at 'params.density', expected float16\[4, 3\]",
        ),
        ({**BASE, "state": np.ones(2)}, r"has nothing at 'state', expected float64\[2\]"),
        ({}, r"has float32\[4, 3\] at 'params.density', expected nothing"),
    ],
)
def test_a_tree_that_does_not_fit_names_the_leaf(tmp_path, template, message):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, BASE)
        with pytest.raises(ValueError, match=message):
            checkpoints.restore_latest(lambda step: template)
    assert (tmp_path / "3").is_dir()


KILLED_WHILE_WRITING = """
import os, signal, sys
import numpy as np
from sdjax.runs.checkpoints import Checkpoints

checkpoints = Checkpoints(sys.argv[1])
checkpoints.save(1, {"x": np.full(1_000_000, 1.0, np.float32)})
checkpoints.save(2, {"x": np.full(1_000_000, 2.0, np.float32)})
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_kill_while_writing_leaves_a_whole_checkpoint(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL
    template = {"x": np.zeros(1_000_000, np.float32)}
    with Checkpoints(tmp_path) as checkpoints:
        step, tree = checkpoints.restore_latest(lambda step: template)
        checkpoints.save(step + 1, template)
    assert np.all(tree["x"] == step)
