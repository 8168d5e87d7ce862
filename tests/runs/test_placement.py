"""Where arrays lie: rows and copies, parts of weights, and which devices are used."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from sdjax.config.errors import UserError
from sdjax.runs.placement import make_placement, usable_devices, weights_spec

CUT = "weights"


@pytest.mark.parametrize(
    ("shape", "shards", "spec"),
    [
        ((3, 3, 320, 640), 4, (None, None, None, CUT)),
        ((3, 3, 640, 320), 4, (None, None, CUT)),
        ((320, 320), 4, (None, CUT)),
        ((49408, 770), 4, (CUT,)),
        ((3, 3, 5, 6), 4, ()),
        ((6, 9), 3, (None, CUT)),
        ((320,), 4, ()),
        ((), 4, ()),
        ((320, 320), 1, ()),
    ],
)
def test_a_weight_is_cut_along_its_longest_axis(shape, shards, spec):
    whole = (*spec, *[None] * (len(shape) - len(spec)))
    assert weights_spec(shape, shards) in (PartitionSpec(*spec), PartitionSpec(*whole))


@pytest.mark.parametrize("on_host", [True, False])
@pytest.mark.parametrize(("particles", "devices", "rows"), [(6, 4, 8), (8, 4, 8), (3, 1, 3)])
def test_particles_are_filled_up_and_come_back(particles, devices, rows, on_host):
    values = np.arange(particles * 2.0, dtype=np.float32).reshape(particles, 2)
    placement = make_placement(particles, devices)
    given = {"x": values if on_host else jnp.asarray(values)}
    spread = placement.spread(given)
    assert placement.rows == rows and spread["x"].shape == (rows, 2)
    assert len(spread["x"].addressable_shards) == devices
    np.testing.assert_array_equal(
        spread["x"][particles - 1 :], values[[-1] * (rows - particles + 1)]
    )
    for back in (placement.gathered, placement.trimmed, placement.own):
        np.testing.assert_array_equal(back(spread)["x"], values)
    assert placement.own_indices == list(range(particles))


def test_what_lies_on_the_mesh_is_not_moved_again():
    placement = make_placement(4, 8, weight_shards=2)
    weights = placement.place_weights({"kernel": jnp.ones((4, 6)), "bias": jnp.ones(6)})
    particles = placement.spread(jnp.ones((4, 2)))
    assert weights["kernel"].sharding.spec == PartitionSpec(None, CUT)
    for again in (placement.place(weights), placement.place_weights(weights)):
        assert jax.tree.leaves(again)[0] is jax.tree.leaves(weights)[0]
        assert jax.tree.leaves(again)[1] is jax.tree.leaves(weights)[1]
    assert placement.spread(particles) is particles


@pytest.mark.parametrize(
    ("particles", "devices", "used"),
    [(64, 0, 8), (6, 0, 6), (9, 0, 8), (1, 0, 2), (4, 1, 1), (3, 2, 2), (16, 8, 8)],
)
def test_usable_devices(particles, devices, used):
    assert usable_devices(particles, devices) == used


@pytest.mark.parametrize(
    ("particles", "devices", "shards", "used"),
    [(64, 0, 2, 8), (3, 0, 2, 6), (1, 0, 2, 4), (1, 0, 8, 8), (1, 2, 2, 2), (16, 8, 4, 8)],
)
def test_each_particle_takes_the_devices_that_hold_the_weights(particles, devices, shards, used):
    assert usable_devices(particles, devices, shards) == used


@pytest.mark.parametrize(
    ("devices", "shards", "sentence"),
    [
        (0, 3, "cut into 3, expected a divisor of the 8 devices of a process"),
        (6, 4, "6 devices were asked for, expected a multiple of the 4 parts"),
        (16, 4, "16 devices were asked for, but there are 8"),
        (9, 1, "9 devices were asked for, but there are 8"),
    ],
)
def test_what_cannot_be_shared_out_is_one_sentence(devices, shards, sentence):
    with pytest.raises(UserError, match=sentence):
        usable_devices(4, devices, shards)
