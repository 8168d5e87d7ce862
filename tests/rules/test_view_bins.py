"""Bins of views: which cameras share one, and what the prior reads from them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.rules.view_bins import direction_bins, nearest_bins, single_bin, turn_bins
from sdjax.text.conditioning import Conditioning, branches
from sdjax.text.perp_neg import DecayingWeights
from sdjax.text.views import Prompting, Sides, Thresholds
from tests import tiny

BINS = {
    "single": single_bin(),
    "nearest": nearest_bins(tiny.CAMERAS),
    "directions": direction_bins(),
    "other directions": direction_bins(front=100.0, back=45.0, overhead=30.0),
    "two sides": direction_bins(two_sides=True),
    "turns": turn_bins(7),
    "turns of two sides": turn_bins(3, two_sides=True),
}


def cameras(number=400):
    rng = np.random.default_rng(0)
    columns = rng.uniform(-180, 360, number), rng.uniform(-90, 90, number)
    columns += (rng.uniform(1.0, 2.0, number), rng.uniform(40.0, 70.0, number))
    return Camera(*(jnp.float32(column) for column in columns))


@pytest.mark.parametrize("name", BINS)
def test_a_bin_holds_its_own_camera(name):
    bins = BINS[name]
    np.testing.assert_array_equal(bins.bin_of(bins.cameras), np.arange(len(bins.cameras.azimuth)))


@pytest.mark.parametrize("name", BINS)
def test_all_bins_are_used(name):
    bins = BINS[name]
    found = np.unique(bins.bin_of(cameras()))
    np.testing.assert_array_equal(found, np.arange(len(bins.cameras.azimuth)))


def conditioning():
    drawn = jnp.float32(np.random.default_rng(1).normal(size=(7, 2, 3)))
    return Conditioning(drawn[:4], *drawn[4:])


@pytest.mark.parametrize("thresholds", [(45.0, 45.0, 60.0), (100.0, 45.0, 30.0), (30.0, 90.0, 0.0)])
def test_prompts_tell_no_camera_from_the_one_of_its_direction(thresholds):
    thresholds = Thresholds(*thresholds)
    bins, prompting = direction_bins(**thresholds._asdict()), Prompting(thresholds=thresholds)
    seen = cameras()
    binned = jax.tree.map(lambda leaf: leaf[bins.bin_of(seen)], bins.cameras)
    read = [branches(conditioning(), camera, prompting) for camera in (seen, binned)]
    jax.tree.map(np.testing.assert_array_equal, *read)


def test_five_prompts_tell_no_camera_from_the_one_of_its_direction():
    drawn = jnp.float32(np.random.default_rng(1).normal(size=(8, 2, 3)))
    five = Conditioning(drawn[:5], *drawn[5:])
    bins, prompting = direction_bins(two_sides=True), Prompting(sides=Sides("a", "b"))
    seen = cameras()
    binned = jax.tree.map(lambda leaf: leaf[bins.bin_of(seen)], bins.cameras)
    read = [branches(five, camera, prompting) for camera in (seen, binned)]
    jax.tree.map(np.testing.assert_array_equal, *read)


def test_perp_neg_tells_no_camera_from_its_mirror_image_and_all_elevations_up_to_the_top_alike():
    prompting, seen = Prompting(perp_neg=DecayingWeights()), cameras()
    level = jnp.where(seen.elevation > 60.0, 90.0, 0.0)
    mirrored = seen._replace(azimuth=-seen.azimuth, elevation=level)
    read = [branches(conditioning(), camera, prompting) for camera in (seen, mirrored)]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), *read)


def test_a_turn_of_two_sides_is_on_the_side_of_its_camera():
    bins, seen = turn_bins(4, two_sides=True), cameras()
    found = np.asarray(bins.bin_of(seen))
    azimuth = np.mod(np.asarray(seen.azimuth) + 180.0, 360.0) - 180.0
    apart = np.abs(azimuth - np.asarray(bins.cameras.azimuth)[found])
    assert len(bins.cameras.azimuth) == 9 and apart[found < 8].max() <= 22.5 + 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 16])
def test_a_turn_is_half_a_bin_from_its_camera_at_most(number):
    bins, seen = turn_bins(number), cameras()
    found = bins.bin_of(seen)
    assert ((found == number) == (seen.elevation > 60.0)).all()
    turn = np.abs(np.mod(np.asarray(seen.azimuth) + 180.0, 360.0) - 180.0)
    apart = np.abs(turn - np.asarray(bins.cameras.azimuth)[found])
    assert apart[found < number].max() <= 90.0 / number + 1e-4
