"""Eight by eight objects: distinct, in place, and never out of sight."""

from collections import Counter
from itertools import combinations

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.objects.placement import GROUND
from sdjax.objects.prompts import all_objects, find, prompts
from sdjax.objects.render import render_views
from sdjax.objects.tessellation import surface

COLOURS = {"red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "black", "white"}
VIEWS = Camera(
    jnp.asarray([0.0, 60.0, 120.0, 180.0, 240.0, 300.0]),
    jnp.asarray([10.0, 30.0, -10.0, 45.0, 0.0, 20.0]),
    jnp.full(6, 3.2),
    jnp.full(6, 40.0),
)


@pytest.fixture(scope="module", params=prompts())
def images(request):
    return np.asarray(render_views(find(request.param), VIEWS, 32))


def test_eight_categories_of_eight():
    assert len(prompts()) == 8
    assert Counter(obj.noun for obj in all_objects()) == {
        p.removeprefix("a "): 8 for p in prompts()
    }


def test_names_are_unique():
    assert len({obj.name for obj in all_objects()}) == 64


@pytest.mark.parametrize("prompt", prompts())
def test_colour_words(prompt):
    colours = Counter(obj.words[0] for obj in find(prompt))
    assert set(colours) <= COLOURS
    assert len(colours) >= 5
    assert max(colours.values()) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("prompt", prompts())
def test_objects_stand_centred_on_the_ground_and_fill_the_ball(prompt):
    for obj in find(prompt):
        patches = [patch for solid in obj.solids for patch in surface(solid)]
        points = np.concatenate([patch.triangles.reshape(-1, 3) for patch in patches])
        np.testing.assert_allclose(points[:, 2].min(), GROUND, atol=1e-4)
        np.testing.assert_allclose(points[:, :2].min(0), -points[:, :2].max(0), atol=1e-4)
        assert 0.88 < np.linalg.norm(points, axis=1).max() < 0.9


@pytest.mark.slow
def test_every_pair_of_a_category_is_distinct(images):
    for one, other in combinations(images, 2):
        error = ((one - other) ** 2).mean((1, 2, 3))
        assert (-10 * np.log10(error)).mean() < 22


@pytest.mark.slow
def test_every_view_shows_the_object(images):
    covered = (images < 0.97).any(-1).mean((2, 3))
    assert covered.min() > 0.03
    border = np.concatenate([images[:, :, 0], images[:, :, -1], images[:, :, :, 0]], axis=2)
    np.testing.assert_array_equal(border, 1.0)
