"""Scenes to train on: cameras in rigs, one object from four sides, and the words for it."""

import jax
import numpy as np
import pytest

from sdjax.camera_numbers import mvdream_camera
from sdjax.objects.prompts import all_objects
from sdjax.prior_training import object_views, sources
from sdjax.prior_training.captions import Odds
from sdjax.prior_training.multiview_sources import (
    Bank,
    camera_numbers,
    draw_rigs,
    fresh,
    rendered,
)
from sdjax.prior_training.scenes import Framing, Variety
from sdjax.prior_training.sources import Renderings

pytestmark = pytest.mark.usefixtures("quick_compilation")
FRAMING = Framing(elevation=(-10.0, 60.0), distance=(3.0, 3.5), fovy=(35.0, 45.0))
ALL = Odds(1.0, 1.0, 1.0, 0.0, 0.0, empty=0.0)
CARS = [obj for obj in all_objects() if obj.noun == "car"]
RENDERINGS = Renderings(CARS, 16, FRAMING, Variety(), ALL)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Rendered and encoded in small numbers."""
    monkeypatch.setattr(object_views, "_AT_ONCE", 8)
    monkeypatch.setattr(sources, "_AT_ONCE", 4)


@pytest.fixture(scope="module")
def bank():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(object_views, "_AT_ONCE", 8)
        return rendered(RENDERINGS, 3, (0, 1))


def test_cameras_are_rigs():
    cameras = draw_rigs(FRAMING, np.random.default_rng(0), 400)
    steps = np.diff(cameras.azimuth, axis=1)
    np.testing.assert_allclose(steps, 90.0, atol=1e-4)
    first = cameras.azimuth[:, 0]
    assert 0 <= first.min() < 3 and 87 < first.max() < 90
    for leaf, (low, high) in zip(cameras[1:4], (FRAMING[0], FRAMING[1], FRAMING[2]), strict=True):
        assert (leaf == leaf[:, :1]).all() and low <= leaf.min() and leaf.max() <= high
        assert np.ptp(leaf) > 0.95 * (high - low)


@pytest.mark.slow
def test_the_network_is_told_what_the_prior_tells_it():
    cameras = draw_rigs(FRAMING, np.random.default_rng(1), 3)
    numbers = camera_numbers(cameras)
    one = jax.tree.map(lambda leaf: leaf[2], cameras)
    np.testing.assert_allclose(numbers[2], mvdream_camera(one), atol=1e-6)
    assert numbers.shape == (3, 4, 16) and numbers.dtype == np.float32


@pytest.mark.slow
def test_a_scene_is_one_object_from_four_sides(bank):
    """Its views are those that the camera's numbers say; other sides look different."""
    assert bank.values.shape == (3, 4, 16, 16, 3) and bank.values.dtype == np.uint8
    assert bank.cameras.shape == (3, 4, 16)
    views = bank.values.astype(float)
    assert all(np.abs(views[0, 0] - views[0, k]).max() > 50 for k in (1, 2, 3))
    colours = [view[view.min(-1) < 200].mean(0) for view in views[1]]
    assert np.ptp(colours, axis=0).max() < 60  # one body, in other light


def test_captions_name_the_object_and_no_view(bank):
    said = [bank.caption(np.random.default_rng(0), index) for index in range(3)]
    assert all("car" in caption and "view" not in caption for caption in said)


@pytest.mark.slow
def test_the_same_seed_draws_the_same(bank):
    again = rendered(RENDERINGS, 2, (0, 1))
    np.testing.assert_array_equal(again.values, bank.values[:2])
    np.testing.assert_array_equal(again.cameras, bank.cameras[:2])
    other = rendered(RENDERINGS, 2, (0, 2))
    assert (other.values != again.values).any()


def numbered():
    values = np.arange(5 * 4 * 2 * 2 * 3).reshape(5, 4, 2, 2, 3)
    cameras = np.float32(np.repeat(values[:, :, 0, 0, :1], 16, axis=-1))
    return Bank(values, cameras, lambda generator, index: str(index))


def test_a_batch_keeps_scenes_cameras_and_captions_together():
    batch = numbered().batch(np.random.default_rng(0), 6)
    for scene, camera, said in zip(*batch, strict=True):
        np.testing.assert_array_equal(scene, numbered().values[int(said)])
        np.testing.assert_array_equal(camera[:, 0], scene[:, 0, 0, 0])


def test_latents_stay_in_their_scenes():
    encoded = numbered().encoded(lambda pictures: pictures.mean((1, 2)))
    np.testing.assert_array_equal(encoded.values, numbered().values.mean((2, 3)))


@pytest.mark.slow
def test_scenes_made_for_each_batch():
    source = fresh(RENDERINGS).encoded(lambda pictures: pictures[:, ::2, ::2].astype(float))
    batch = source.batch(np.random.default_rng(0), 2)
    assert batch.values.shape == (2, 4, 8, 8, 3) and batch.cameras.shape == (2, 4, 16)
    assert len(batch.captions) == 2 and "car" in batch.captions[0]
    other = source.batch(np.random.default_rng(1), 2)
    assert (other.values != batch.values).any() and (other.cameras != batch.cameras).any()
