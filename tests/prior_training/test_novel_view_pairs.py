"""Pairs of views: which may be given, and that both are of one object."""

import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.prior_training.novel_view_pairs import (
    Encoded,
    draw_pairs,
    encoded,
    independent_cameras,
    of_renderings,
)
from sdjax.prior_training.object_views import ObjectViews
from sdjax.prior_training.scenes import Framing

FRAMING = Framing((-10.0, 60.0), (3.0, 3.5), (40.0, 40.0))


def test_cameras_are_drawn_from_their_ranges():
    made = independent_cameras(np.random.default_rng(0), 500, 3, FRAMING, (5.0, 15.0))
    assert made.azimuth.shape == (500, 3)
    for column, (low, high) in enumerate(((5, 15), (-10, 60), (5, 15))):
        own = made.elevation[:, column]
        assert low <= own.min() < low + 1 and high - 1 < own.max() <= high
        assert own.mean() == pytest.approx((low + high) / 2, abs=3)
    assert made.azimuth.min() < 3 and made.azimuth.max() > 357
    assert np.abs(np.corrcoef(made.azimuth.T) - np.eye(3)).max() < 0.2
    assert 3.0 <= made.distance.min() < 3.05 and made.fovy.min() == made.fovy.max() == 40


def renderings(scenes=3, views=4):
    made = independent_cameras(np.random.default_rng(1), scenes, views, FRAMING, (0.0, 20.0))
    pictures = np.arange(scenes * views, dtype=np.uint8).reshape(scenes, views, 1, 1, 1)
    return ObjectViews(np.broadcast_to(pictures, (scenes, views, 2, 2, 3)), made, [])


def test_what_is_given_is_seen_from_within_the_range():
    made = renderings(50)
    shown = of_renderings(made, (0.0, 20.0))
    within = (made.cameras.elevation >= 0) & (made.cameras.elevation <= 20)
    np.testing.assert_array_equal(shown.given, within.ravel())
    assert shown.given.reshape(50, 4)[:, ::2].all() and not shown.given.all()
    assert shown.views.objects.tolist() == [scene for scene in range(50) for _ in range(4)]
    np.testing.assert_array_equal(shown.views.pictures[:, 0, 0, 0], np.arange(200))


def test_networks_see_the_pictures():
    latents = lambda pictures: np.float32(pictures[:, :1, :1]) + 0.5  # noqa: E731
    embed = lambda pictures: np.float32(pictures[:, 0, 0]) * 2  # noqa: E731
    made = encoded(of_renderings(renderings(), (0.0, 20.0)), latents, embed)
    np.testing.assert_allclose(made.latents[:, 0, 0, 0], np.arange(12) + 0.5)
    np.testing.assert_allclose(made.embeddings[:, 0], 2 * np.arange(12))


def bank(objects, given):
    """A view whose latents, embedding and azimuth are its number."""
    number = np.arange(len(objects), dtype=np.float32)
    camera = Camera(number, number + 0.5, number * 0 + 3, number * 0 + 40)
    latents = np.broadcast_to(number[:, None, None, None], (len(objects), 2, 2, 1))
    return Encoded(latents, number[:, None], camera, np.int32(objects), np.array(given))


def test_a_pair_is_a_view_that_may_be_given_and_another_of_its_object():
    """Of objects in any order, with any number of views; every such pair is drawn as often as
    others of its view."""
    objects, given = [0, 1, 0, 2, 1, 1, 2], [True, True, False, True, False, True, True]
    pairs = draw_pairs(np.random.default_rng(0), bank(objects, given), 4000)
    pictures, targets = (np.int32(part[:, 0, 0, 0]) for part in (pairs.picture, pairs.target))
    found = {(int(a), int(b)) for a, b in zip(pictures, targets, strict=True)}
    assert found == {(0, 2), (1, 4), (1, 5), (5, 1), (5, 4), (3, 6), (6, 3)}
    counts = np.bincount(pictures, minlength=7)
    assert counts[np.array(given)].min() > 680 and counts.sum() == 4000
    assert np.sum((pictures == 1) & (targets == 4)) == pytest.approx(400, abs=80)


def test_cameras_and_embeddings_are_those_of_the_views():
    pairs = draw_pairs(np.random.default_rng(1), bank([0, 0, 0], [True] * 3), 20)
    np.testing.assert_array_equal(pairs.embedding[:, 0], pairs.picture[:, 0, 0, 0])
    for camera, latents in (
        (pairs.picture_camera, pairs.picture),
        (pairs.target_camera, pairs.target),
    ):
        np.testing.assert_array_equal(camera[:, 0], latents[:, 0, 0, 0])
        np.testing.assert_array_equal(camera[:, 1], camera[:, 0] + 0.5)
        assert (camera[:, 2:] == [3, 40]).all()
