"""Scenes that are half made."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.prior_training.unfinished import (
    dissolved,
    faded,
    hazed,
    opacity,
    shaded,
    with_floaters,
)

pytestmark = pytest.mark.usefixtures("quick_compilation")
KEY, NUMBER, SIZE = jax.random.key(5), 32, 32
SQUARE = np.array([0.2, 0.5, 0.3], np.float32)


@pytest.fixture(scope="module")
def pictures():
    """The same square on white."""
    made = np.ones((NUMBER, SIZE, SIZE, 3), np.float32)
    made[:, 8:24, 8:24] = SQUARE
    return jnp.asarray(made)


def corner_and_square(pictures):
    return np.asarray(pictures)[:, 0, 0], np.asarray(pictures)[:, 16, 16]


def test_opacity_is_what_is_not_white(pictures):
    covered = np.asarray(opacity(pictures))
    assert covered[:, 0, 0].max() == 0.0 and covered[:, 16, 16].min() == 1.0
    light = jnp.full((1, 1, 1, 3), 0.95)
    assert opacity(light).item() == pytest.approx(0.5, abs=1e-5)


def test_another_ground_leaves_the_object(pictures):
    ground, square = corner_and_square(shaded(KEY, pictures))
    np.testing.assert_allclose(square, np.broadcast_to(SQUARE, square.shape), atol=1e-6)
    assert ground.min() > 0.29 and ground.max() <= 1.0 and np.ptp(ground.mean(1)) > 0.3


def test_a_haze_mixes_everything_with_one_colour(pictures):
    """So differences shrink by one factor of at least a half."""
    ground, square = corner_and_square(hazed(KEY, pictures))
    left = (ground - square) / (1.0 - SQUARE)
    np.testing.assert_allclose(left, left[:, :1] + np.zeros(3), atol=1e-5)
    assert left.min() > 0.49 and np.ptp(left) > 0.3


def test_what_fades_becomes_white(pictures):
    ground, square = corner_and_square(faded(KEY, pictures))
    np.testing.assert_array_equal(ground, 1.0)
    left = (1.0 - square) / (1.0 - SQUARE)
    np.testing.assert_allclose(left, left[:, :1] + np.zeros(3), atol=1e-5)
    assert left.min() > 0.39 and np.ptp(left) > 0.3


def test_parts_dissolve_into_white(pictures):
    made = np.asarray(dissolved(KEY, pictures))
    missing = (made - pictures)[:, 8:24, 8:24, 0] / (1.0 - SQUARE[0])
    assert missing.min() > -1e-6 and missing.max() > 0.95
    shares = missing.mean((1, 2))
    assert shares.max() < 0.75 and 0.02 < shares.mean() < 0.3


def test_floaters_cover_little_in_colours_of_their_own(pictures):
    made = np.asarray(with_floaters(KEY, pictures))
    changed = np.abs(made - pictures).max(-1) > 0.05
    assert 0.005 < changed.mean() < 0.12 and changed.mean((1, 2)).max() < 0.35
    hues = made[changed].reshape(-1, 3)
    assert np.all(hues.std(0) > 0.05)
