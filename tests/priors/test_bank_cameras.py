"""Banks of rigs: whole, spread over the band, and a rig becomes a rig."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera, position
from sdjax.config.errors import UserError
from sdjax.priors.bank_cameras import bank_bins, nearest_of, spread
from sdjax.priors.kind import Band

BAND = Band((-10.0, 45.0), 3.2, 40.0)
COUNTS = [(4, 4), (24, 4), (108, 4), (12, 3), (10, 2)]  # cameras, of a rig


def turned(first: Camera, together: int) -> Camera:
    """Rigs [rigs * together] whose first cameras are given [rigs]."""
    turns = jnp.arange(together) * (360.0 / together)
    azimuth = jnp.add.outer(first.azimuth, turns).ravel()
    others = (jnp.repeat(leaf, together) for leaf in first[1:4])
    return Camera(azimuth, *others)


def random_rigs(number: int, together: int, seed=0) -> Camera:
    """Anywhere in the band and a little beyond."""
    rng, full = np.random.default_rng(seed), np.full(number, 1.0)
    angles = rng.uniform(-360.0, 720.0, number), rng.uniform(-15.0, 50.0, number)
    first = Camera(*(jnp.asarray(leaf, jnp.float32) for leaf in (*angles, 3.2 * full, 40.0 * full)))
    return turned(first, together)


@pytest.mark.parametrize(("number", "together"), COUNTS)
def test_a_bank_is_closed_under_the_turn_of_a_rig(number, together):
    cameras = spread(number, BAND, 20.0, together)
    azimuth = np.asarray(cameras.azimuth).reshape(-1, together)
    turns = np.diff(azimuth, axis=1)
    np.testing.assert_allclose(turns, 360.0 / together, atol=1e-4)
    assert azimuth[0, 0] == pytest.approx(20.0, abs=1e-4)
    assert azimuth[:, 0].max() < 360.0 / together
    for leaf in cameras[1:4]:
        whole = np.asarray(leaf).reshape(-1, together)
        np.testing.assert_array_equal(whole, whole[:, :1].repeat(together, axis=1))


def test_rigs_are_spread_over_the_band():
    """As single cameras are: of 108 each has a solid angle of 14 degrees squared to itself."""
    cameras = spread(108, BAND, together=4)
    directions = np.asarray(position(cameras) / 3.2, np.float64)
    apart = np.rad2deg(np.arccos(np.clip(directions @ directions.T, -1, 1))) + 180 * np.eye(108)
    assert apart.min() > 7.0
    wanted = np.asarray(position(random_rigs(500, 1)) / 3.2, np.float64)
    wanted = wanted[(wanted[:, 2] > np.sin(np.deg2rad(-10))) & (wanted[:, 2] < np.sin(np.pi / 4))]
    assert np.rad2deg(np.arccos(np.clip(wanted @ directions.T, -1, 1))).min(axis=1).max() < 15.0


def test_one_camera_a_rig_is_the_spread_of_before():
    plain, rigs = spread(9, BAND, 20.0), spread(9, BAND, 20.0, 1)
    jax.tree.map(np.testing.assert_array_equal, plain, rigs)


@pytest.mark.parametrize(("number", "together"), COUNTS)
def test_a_rig_becomes_a_rig_in_its_order(number, together):
    """Also on the edges between two rigs of the bank, where rounding decides."""
    bank = spread(number, BAND, 0.0, together)
    edges = Camera(
        0.5 * (bank.azimuth + jnp.roll(bank.azimuth, -together)), *(leaf for leaf in bank[1:4])
    )
    halves = bank._replace(azimuth=bank.azimuth + 180.0 / together)
    for wanted in (random_rigs(1000, together), turned(edges, together), turned(halves, together)):
        found = jax.jit(lambda c: nearest_of(bank, c, together))(wanted)
        index = np.asarray(found).reshape(-1, together)
        assert np.all(index // together == index[:, :1] // together)
        expected = (index[:, :1] + np.arange(together)) % together
        np.testing.assert_array_equal(index % together, expected)
        first = jax.tree.map(lambda leaf: leaf[::together], wanted)
        np.testing.assert_array_equal(index[:, 0], nearest_of(bank, first))


def test_cameras_of_the_bank_are_their_own_nearest_in_any_order():
    bank = spread(24, BAND, 5.0, 4)
    order = jnp.asarray(np.random.default_rng(0).permutation(24))
    shuffled = jax.tree.map(lambda leaf: leaf[order], bank)
    np.testing.assert_array_equal(nearest_of(bank, shuffled, 4), order)


def test_views_that_are_no_whole_rig_look_each_for_their_own():
    bank, wanted = spread(24, BAND, 0.0, 4), random_rigs(3, 1)
    np.testing.assert_array_equal(nearest_of(bank, wanted, 4), nearest_of(bank, wanted))
    one = jax.tree.map(lambda leaf: leaf[0], wanted)
    assert nearest_of(bank, one, 4) == nearest_of(bank, wanted)[0]


def test_bins_are_evaluated_a_rig_at_a_time():
    bank, wanted = spread(24, BAND, 0.0, 4), random_rigs(10, 4)
    bins = bank_bins(bank, 4)
    assert bins.together == 4 and bank_bins(bank).together == 1
    np.testing.assert_array_equal(bins.bin_of(wanted), nearest_of(bank, wanted, 4))


def test_rigs_that_are_not_whole_are_refused():
    with pytest.raises(UserError, match=r"for 10 cameras, expected a multiple of 4.* is 8\.$"):
        spread(10, BAND, together=4)
