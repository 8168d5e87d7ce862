"""Hashes of arrays, whole and in the parts that devices hold."""

import jax
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sdjax.runs.seals import damaged, hashes_of_parts


@pytest.mark.parametrize(
    ("cut", "keys"),
    [
        (("rows",), {"0:2", "2:4"}),
        ((None, "columns"), {"0:4,0:3", "0:4,3:6"}),
        (("rows", "columns"), {"0:2,0:3", "0:2,3:6", "2:4,0:3", "2:4,3:6"}),
    ],
)
def test_parts_are_hashed_wherever_they_are_cut(cut, keys):
    """What is whole again is what was sealed in parts, and a changed number is not."""
    mesh = Mesh(np.reshape(jax.devices()[:4], (2, 2)), ("rows", "columns"))
    whole = np.arange(48, dtype=np.float32).reshape(4, 6, 2)
    leaf = jax.device_put(whole, NamedSharding(mesh, PartitionSpec(*cut)))
    stored = {"hashes": {"kernel": hashes_of_parts(leaf)}}
    assert set(stored["hashes"]["kernel"]) == keys
    assert damaged(stored, {"kernel": whole}) is None
    for index in np.ndindex(whole.shape):
        changed = whole.copy()
        changed[index] += 1
        assert damaged(stored, {"kernel": changed}) == "kernel"
