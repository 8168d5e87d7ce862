"""Whatever happens to a checkpoint's files: what is read is what was saved, or the one before."""

import shutil

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdjax.config.errors import UserError
from sdjax.runs.checkpoints import Checkpoints
from tests.fuzz.promise import FORMS, drawn, kept

CONFIG = {"prompt": "a chair", "seeds": 4, "stages": {"steps": [300, 200]}}
TREES = {
    step: {
        "params": {"grid": np.float32(rng.normal(size=(6, 5, 4)))},
        "state": rng.integers(9, size=7),
    }
    for step, rng in ((10, np.random.default_rng(0)), (20, np.random.default_rng(1)))
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    with Checkpoints(folder, config=CONFIG) as checkpoints:
        for step, tree in TREES.items():
            checkpoints.save(step, tree)
    return folder


def check(config, where):
    if config != CONFIG:
        raise UserError(f"{where} is of another run")


def read(folder):
    with Checkpoints(folder, check=check) as checkpoints:
        return checkpoints.restore_latest(lambda step: TREES[10])


def flipped(content, place, bit):
    """One bit of it, if there is any."""
    if not content:
        return content
    at = place % len(content)
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


DAMAGE = {
    "flip": lambda file, place, bit: file.write_bytes(flipped(file.read_bytes(), place, bit)),
    "cut": lambda file, place, bit: file.write_bytes(
        file.read_bytes()[: place % (file.stat().st_size + 1)]
    ),
    "remove": lambda file, place, bit: file.unlink(),
    "link": lambda file, place, bit: (file.unlink(), file.symlink_to("gone")),
    "folder": lambda file, place, bit: (file.unlink(), file.mkdir()),
}


@FORMS
def test_any_damage_of_the_newest(cases, written, tmp_path):
    files = sorted(
        path.relative_to(written) for path in (written / "20").rglob("*") if path.is_file()
    )

    @drawn(cases)
    @given(
        which=st.sampled_from(files),
        kind=st.sampled_from(["flip", *DAMAGE]),
        place=st.integers(0, 2**20),
        bit=st.integers(0, 7),
    )
    def holds(which, kind, place, bit):
        folder = tmp_path / "checkpoints"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(written, folder)
        DAMAGE[kind](folder / which, place, bit)
        result = kept(lambda: read(folder), inside=folder)
        assert not isinstance(result, UserError), result
        step, tree = result
        jax.tree.map(np.testing.assert_array_equal, tree, TREES[step])

    holds()
