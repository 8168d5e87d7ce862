"""Facades: one view leaves open which of them it shows, and nothing else knows of them."""

from itertools import combinations, product

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.objects.placement import GROUND, RADIUS
from sdjax.objects.prompts import all_objects, find, objects_beside, prompts
from sdjax.objects.render import render_views
from sdjax.objects.tessellation import surface
from sdjax.prior_training.sources import OBJECTS

FRONTS, BACKS = ("red", "blue"), ("hedge", "stair", "shed", "cherry")


def seen(prompt, azimuth, elevation, resolution=64):
    """[objects, views, h, w, 3] from all pairs of angles in degrees."""
    angles = np.array(list(product(azimuth, elevation)), np.float32)
    number = len(angles)
    cameras = Camera(
        jnp.asarray(angles[:, 0]),
        jnp.asarray(angles[:, 1]),
        jnp.full(number, 3.2),
        jnp.full(number, 40.0),
    )
    return np.asarray(render_views(find(prompt), cameras, resolution))


def psnr(one, other):
    """Of each view."""
    return -10 * np.log10(((one - other) ** 2).mean((1, 2, 3)) + 1e-12)


def test_two_fronts_have_four_backs_each():
    names = {f"{front} {back} facade" for front, back in product(FRONTS, BACKS)}
    assert {obj.name for obj in find("a facade")} == names
    for front in FRONTS:
        assert {obj.words[1] for obj in find(f"a {front} facade")} == set(BACKS)
    assert all(find(f"a {obj.name}") == (obj,) for obj in find("a facade"))


def test_only_a_prompt_that_names_them_knows_of_them():
    facades = find("a facade")
    assert not set(facades) & set(all_objects())
    assert "a facade" not in prompts()
    assert objects_beside("a mug") == all_objects()
    assert objects_beside("a facade") == (*all_objects(), *facades)
    assert "facade" not in OBJECTS["nouns"].default
    with pytest.raises(ValueError, match='nearest is "a facade"'):
        find("a fassade")


@pytest.mark.slow
@pytest.mark.parametrize("front", FRONTS)
def test_nothing_of_the_back_is_seen_from_the_front(front):
    """Not one pixel differs by 1 of 255, from 5 degrees above and all around there."""
    images = seen(f"a {front} facade", np.linspace(-25, 25, 11), (0.0, 5.0, 20.0))
    assert np.abs(images - images[:1]).max() < 0.5 / 255


@pytest.mark.slow
def test_the_fronts_differ():
    images = seen("a facade", (0.0,), (5.0,))
    assert psnr(images[0], images[len(BACKS)]) < 17


@pytest.mark.slow
def test_the_backs_differ():
    """To 22 dB at most from behind, and to 25 over all views around."""
    for one, other in combinations(seen("a red facade", np.arange(8) * 45.0, (20.0,)), 2):
        assert psnr(one, other)[4] < 22
        assert -10 * np.log10(((one - other) ** 2).mean()) < 25


def test_they_stand_centred_on_the_ground_and_fill_the_ball():
    for obj in find("a facade"):
        patches = [patch for solid in obj.solids for patch in surface(solid)]
        points = np.concatenate([patch.triangles.reshape(-1, 3) for patch in patches])
        np.testing.assert_allclose(points[:, 2].min(), GROUND, atol=1e-4)
        np.testing.assert_allclose(points[:, :2].min(0), -points[:, :2].max(0), atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(points, axis=1).max(), RADIUS, atol=1e-4)
