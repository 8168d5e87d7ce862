"""Bins of views: which cameras share one, and what the prior reads from them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera, front_camera
from sdjax.rules.view_bins import (
    ViewBins,
    at_once,
    direction_bins,
    nearest_bins,
    octant_bins,
    rig_bins,
    single_bin,
    turn_bins,
)
from sdjax.text.conditioning import Conditioning, branches
from sdjax.text.perp_neg import DecayingWeights
from sdjax.text.views import Prompting, Sides, Thresholds
from tests import tiny

BINS = {
    "single": single_bin(),
    "nearest": nearest_bins(tiny.CAMERAS),
    "directions": direction_bins(),
    "other directions": direction_bins(front=100.0, back=45.0, overhead=30.0),
    "octants": octant_bins(),
    "octants from low": octant_bins(overhead=5.0),
    "two sides": direction_bins(two_sides=True),
    "turns": turn_bins(7),
    "turns of two sides": turn_bins(3, two_sides=True),
    "rigs": rig_bins(6, (-30.0, 60.0)),
    "rigs of three": rig_bins(4, (10.0, 10.0), 3),
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


def nine():
    drawn = jnp.float32(np.random.default_rng(1).normal(size=(12, 2, 3)))
    return Conditioning(drawn[:9], *drawn[9:])


def test_nine_prompts_tell_no_camera_from_the_one_of_its_octant():
    thresholds, seen = Thresholds(overhead=30.0), cameras()
    bins, prompting = octant_bins(overhead=30.0), Prompting(directions=8, thresholds=thresholds)
    binned = jax.tree.map(lambda leaf: leaf[bins.bin_of(seen)], bins.cameras)
    read = [branches(nine(), camera, prompting) for camera in (seen, binned)]
    jax.tree.map(np.testing.assert_array_equal, *read)


@pytest.mark.parametrize("number", [4, 16])
def test_a_blend_is_near_to_the_one_of_its_bin(number):
    """Linear between octants: half a bin is so much of the way from one prompt to the next; what
    is above reads overhead in both."""
    bins, seen = turn_bins(number, two_sides=True), cameras()
    binned = jax.tree.map(lambda leaf: leaf[bins.bin_of(seen)], bins.cameras)
    prompting, prompts = Prompting(directions=8, blend=True), nine()
    one, other = (branches(prompts, camera, prompting).positive for camera in (seen, binned))
    around = prompts.directions[:8]
    steps = np.abs(np.asarray(around - jnp.roll(around, 1, axis=0))).max()
    apart = np.abs(np.asarray(one - other))
    assert 0.3 < apart.max() / (90.0 / number / 45.0 * steps) < 1.0 + 1e-4
    np.testing.assert_array_equal(apart[np.asarray(seen.elevation) > 60.0], 0.0)


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


def rig(start, elevation, together):
    """[together] cameras, as a sampler of rigs may number and wrap them."""
    azimuth = np.float32(start) + np.float32(360.0 / together) * np.arange(together)
    one = jnp.ones(together)
    azimuth = jnp.mod(jnp.asarray(azimuth, jnp.float32), 360.0)
    return Camera(azimuth, elevation * one, 2.0 * one, 45.0 * one)


@pytest.mark.parametrize(("number", "together"), [(1, 4), (6, 4), (16, 4), (5, 3), (8, 1)])
def test_the_cameras_of_a_rig_read_one_rig_in_its_order(number, together):
    bins, edge = rig_bins(number, (-10.0, 45.0), together), 180.0 / together / number
    edges = np.float32([edge, 3 * edge, 359.9999])
    starts = [*np.random.default_rng(0).uniform(0, 360, 40), *edges, *np.nextafter(edges, 0)]
    for i, start in enumerate(starts):
        found = np.asarray(bins.bin_of(rig(start, i % 60 - 10.0, together)))
        rigs, views = found // together, found % together
        assert len(set(rigs)) == 1
        np.testing.assert_array_equal(views, (views[0] + np.arange(together)) % together)


@pytest.mark.parametrize("number", [1, 6, 16])
def test_a_rig_is_half_a_cell_from_its_bins_at_most(number):
    low, high, together = -10.0, 45.0, 4
    bins = rig_bins(number, (low, high), together)
    levels = len(np.unique(bins.cameras.elevation))
    step = 360.0 / together / (number // levels)
    for i, start in enumerate(np.random.default_rng(0).uniform(0, 360, 40)):
        seen = rig(start, low + (high - low) * i / 39, together)
        binned = jax.tree.map(lambda leaf: leaf[bins.bin_of(seen)], bins.cameras)  # noqa: B023
        turn = np.mod(np.asarray(seen.azimuth - binned.azimuth) + 180.0, 360.0) - 180.0
        assert np.abs(turn).max() <= 0.5 * step + 1e-3
        rise = np.abs(seen.elevation - binned.elevation)
        assert rise.max() <= 0.5 * (high - low) / levels + 1e-3


def test_cameras_that_are_no_rigs_find_their_own():
    """One by one they read what they read in a rig, where no rounding parts them."""
    bins, seen = rig_bins(6, (-10.0, 45.0)), rig(33.0, 20.0, 4)
    alone = [int(bins.bin_of(jax.tree.map(lambda leaf: leaf[i], seen))) for i in range(4)]  # noqa: B023
    np.testing.assert_array_equal(bins.bin_of(seen), alone)


@pytest.mark.parametrize(
    ("bins", "together", "expected"), [(1, 1, 1), (5, 1, 5), (108, 1, 4), (17, 1, 1), (8, 4, 1)]
)
def test_scenes_are_evaluated_in_batches_without_a_rest(bins, together, expected):
    cameras = jax.tree.map(lambda leaf: jnp.repeat(leaf, bins), front_camera())
    assert at_once(ViewBins(cameras, lambda camera: camera.azimuth, together)) == expected
