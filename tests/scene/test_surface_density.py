"""The density of a surface in grids that are known."""

import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.scene.surface_density import USUAL, surface_density


def grid(inside, around=0.0, size=20):
    """A cube of a fifth of the edge in an edge of 2."""
    densities = np.full((size,) * 3, around, np.float32)
    middle = slice(2 * size // 5, 3 * size // 5)
    densities[middle, middle, middle] = inside
    return densities


@pytest.mark.parametrize("inside", [5.5, 8.0, 100.0, 1e6])
@pytest.mark.parametrize("around", [0.0, 0.1, 1.0])
def test_dense_scenes_have_the_usual_one(inside, around):
    assert surface_density(grid(inside, around), 2.0) == USUAL


@pytest.mark.parametrize("inside", [0.5, 1.0, 3.0, 4.9])
@pytest.mark.parametrize("around", [0.0, 0.1])
def test_faint_ones_half_of_theirs(inside, around):
    found = surface_density(grid(inside, around), 2.0)
    assert found == pytest.approx((inside + around) / 2, rel=1e-4)


def test_noise_does_not_hide_an_object():
    noise = np.random.default_rng(0).uniform(0, 0.5, (20, 20, 20))
    densities = np.float32(grid(3.0) + noise)
    found = surface_density(densities, 2.0)
    assert 1.5 < found < 2.5
    np.testing.assert_array_equal(densities > found, grid(3.0) > 0)


def test_a_dense_speck_does_not_stand_for_a_faint_object():
    densities = grid(3.0)
    densities[0, 0, 0] = 50.0
    assert surface_density(densities, 2.0) < 2


def test_what_is_seen_depends_on_the_size_of_the_cube():
    with pytest.raises(UserError, match=r"at most 0\.1, so the scene is empty"):
        surface_density(grid(0.1), 2.0)
    assert surface_density(grid(0.1), 20.0) == pytest.approx(0.05)


@pytest.mark.parametrize("density", [0.0, 1e-5])
def test_nothing(density):
    with pytest.raises(UserError, match="so the scene is empty"):
        surface_density(grid(density, density), 2.0)
