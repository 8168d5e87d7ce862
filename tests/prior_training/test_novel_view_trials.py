"""Trials: what a picture determines, and what it leaves open."""

import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.objects.prompts import find
from sdjax.prior_training.drawn_objects import draw_object, might_be
from sdjax.prior_training.novel_view_pairs import Shown
from sdjax.prior_training.novel_view_trials import (
    ALIKE,
    CANDIDATES,
    FRONT,
    alike,
    first,
    trials_of_objects,
    trials_of_views,
)
from sdjax.prior_training.scenes import Framing, Variety
from sdjax.prior_training.views_of_objects import Views

FACADES = find("a facade")
AZIMUTHS = (0.0, 20.0, 180.0)


def trials(number, nouns=("facade", "mug"), size=32, seed=0):
    objects = [obj for noun in nouns for obj in find(f"a {noun}")]
    return trials_of_objects(
        objects,
        number,
        size,
        (seed,),
        azimuths=AZIMUTHS,
        framing=Framing(),
        given=(0.0, 20.0),
        variety=Variety(0.1, 0.02),
    )


@pytest.fixture(scope="module")
def two():
    """A facade and a mug."""
    return trials(2)


@pytest.mark.slow
def test_the_back_of_a_facade_is_open(two):
    """Four backs are possible behind a front, and perhaps another depth; the picture's own view is
    determined."""
    assert two.names[0].endswith("facade") and two.names[1].endswith("mug")
    assert two.determined[0].tolist()[0] and not two.determined[0, 2]
    assert len(two.possible[0]) >= 4
    backs = alike(two.possible[0][1:, 2], two.possible[0][:1, 2])
    assert (backs > 0.05).sum() == 3
    azimuth = np.mod(two.camera.azimuth[0] + 180, 360) - 180
    assert abs(azimuth) <= FRONT


@pytest.mark.slow
def test_true_views_are_of_the_object_from_the_cameras(two):
    assert two.pictures.shape == (2, 32, 32, 3) and two.truths.shape == (2, 3, 32, 32, 3)
    np.testing.assert_array_equal(two.truths[:, 0], two.pictures)  # 0 degrees further
    np.testing.assert_array_equal([one[0] for one in two.possible], two.truths)
    turned = np.mod(two.cameras.azimuth - two.camera.azimuth[:, None], 360)
    np.testing.assert_allclose(turned, np.tile([0, 20, 180], (2, 1)), atol=1e-3)
    elevation = np.asarray(two.camera.elevation)
    np.testing.assert_array_equal(two.cameras.elevation, np.tile(elevation[:, None], 3))
    assert elevation.min() >= 0 and elevation.max() <= 20


@pytest.mark.slow
def test_a_seed_has_its_trials(two):
    again, other = trials(1), trials(1, seed=1)
    np.testing.assert_array_equal(again.pictures, two.pictures[:1])
    assert not np.array_equal(other.pictures, again.pictures)
    few = first(two, 1)
    assert few.names == two.names[:1] and len(few.possible) == len(few.truths) == 1
    np.testing.assert_array_equal(few.camera.azimuth, two.camera.azimuth[:1])


def test_everything_that_might_be_is_rendered():
    for noun in ("house", "facade", "tree"):
        objects, generator = find(f"a {noun}"), np.random.default_rng(0)
        for obj in objects:
            drawn = draw_object(generator, [obj], Variety())
            assert len(might_be(drawn, objects, Variety())) <= CANDIDATES


def test_pictures_are_alike_within_a_deviation():
    grey = np.full((2, 4, 4, 3), 100, np.uint8)
    np.testing.assert_allclose(alike(grey, grey + 51), 0.2, rtol=1e-6)
    assert (alike(grey, grey + 5) <= ALIKE).all()


def test_trials_of_own_pictures():
    """An object's first view that may be given, and as many others as each has."""
    objects, given = np.int32([1, 0, 1, 0, 0]), np.array([False, True, True, True, True])
    number = np.arange(5, dtype=np.uint8)
    pictures = np.broadcast_to(number[:, None, None, None], (5, 2, 2, 3))
    cameras = Camera(*(np.float32(number),) * 4)
    views = Views(pictures, cameras, objects, [""] * 5, ["car", "mug"])
    made = trials_of_views(Shown(views, given), 8)
    assert made.names == ["car", "mug"]
    assert made.pictures[:, 0, 0, 0].tolist() == [1, 2]
    assert made.truths[:, :, 0, 0, 0].tolist() == [[3], [0]]
    assert made.camera.azimuth.tolist() == [1, 2] and made.cameras.azimuth.tolist() == [[3], [0]]
    assert not made.determined.any()
    assert len(trials_of_views(Shown(views, given), 1).names) == 1
