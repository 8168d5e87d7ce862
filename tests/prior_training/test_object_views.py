"""Several renderings of each object: by its own cameras, and the same however many follow."""

import jax
import numpy as np
import pytest

from sdjax.objects.model import stacked
from sdjax.objects.prompts import find
from sdjax.objects.render import render
from sdjax.objects.variants import variant
from sdjax.prior_training import object_views
from sdjax.prior_training.novel_view_pairs import independent_cameras
from sdjax.prior_training.object_views import rendered_views, take_views
from sdjax.prior_training.scenes import Framing, Variety

MUGS = find("a mug")


def cameras(generator, scenes, views=2):
    return independent_cameras(generator, scenes, views, Framing(), (0.0, 20.0))


def rendered(number, seed=0, tell=None):
    return rendered_views(MUGS, Variety(), cameras, number, 8, (seed,), tell)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(object_views, "_AT_ONCE", 6)  # three objects


@pytest.mark.slow
def test_pictures_are_of_the_objects_by_the_cameras_beside_them():
    red, blue = (variant(MUGS[0], colour) for colour in ("red", "blue"))
    made = cameras(np.random.default_rng(0), 2, 3)
    pictures = take_views(stacked([red, blue]), made, 16)
    assert pictures.shape == (2, 3, 16, 16, 3) and pictures.dtype == np.uint8
    seen = jax.jit(lambda model, camera: render(model, camera, 16, 16).colour)
    for scene, model in enumerate((red, blue)):
        for view in (0, 2):
            own = jax.tree.map(lambda leaf, at=(scene, view): leaf[at], made)
            expected = 255 * np.asarray(seen(model, own))
            assert np.abs(pictures[scene, view] - expected).max() <= 0.51


@pytest.mark.slow
def test_what_comes_first_does_not_depend_on_what_follows():
    told = []
    four, seven = rendered(4, tell=told.append), rendered(7)
    assert len(four.words) == 4 and four.pictures.shape[:2] == (4, 2)
    np.testing.assert_array_equal(four.pictures, seven.pictures[:4])
    np.testing.assert_array_equal(four.cameras.azimuth, seven.cameras.azimuth[:4])
    assert four.words == seven.words[:4] and {words.noun for words in four.words} == {"mug"}
    assert told == [6, 8]
    assert not np.array_equal(rendered(4, seed=1).pictures, four.pictures)
