"""What a judge and CLIP are to see through: each disturbance does what its name says, and no more
than its docstring."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.prior_training import disturbances
from sdjax.prior_training.disturbances import (
    PICTURES,
    SCENES,
    blurred,
    coarse,
    disturbed,
    noisy,
    regraded,
    shifted,
)

pytestmark = pytest.mark.usefixtures("quick_compilation")
KEY, NUMBER, SIZE = jax.random.key(3), 24, 16


@pytest.fixture(scope="module")
def pictures():
    """A coloured square on white in each."""
    colours = np.random.default_rng(0).uniform(0.0, 0.8, (NUMBER, 1, 1, 3))
    made = np.ones((NUMBER, SIZE, SIZE, 3), np.float32)
    made[:, 5:11, 4:12] = colours
    return jnp.asarray(made)


@pytest.mark.parametrize("kind", {*SCENES, *PICTURES, shifted}, ids=lambda kind: kind.__name__)
def test_another_key_is_another_picture_and_all_are_finite(kind, pictures):
    one, other = (np.asarray(kind(jax.random.key(seed), pictures)) for seed in (0, 1))
    assert one.shape == pictures.shape and np.isfinite(one).all()
    assert np.array_equal(one, other) == (kind is disturbances.unchanged)
    np.testing.assert_array_equal(one, kind(jax.random.key(0), pictures))


def test_blur_keeps_the_mean_and_makes_smoother(pictures):
    dark = 1.0 - pictures  # nothing at the edges, so nothing is lost there
    soft = np.asarray(blurred(KEY, dark))
    np.testing.assert_allclose(soft.sum((1, 2)), dark.sum((1, 2)), rtol=1e-4)
    assert np.all(soft.max((1, 2, 3)) <= dark.max((1, 2, 3)) + 1e-6)
    deviations = soft.std((1, 2, 3)) / np.asarray(dark.std((1, 2, 3)))
    assert deviations.min() < 0.8 and deviations.max() > 0.95


def test_noise_has_deviations_up_to_its_bound(pictures):
    deviation = np.asarray(noisy(KEY, pictures) - pictures).std((1, 2, 3))
    assert deviation.max() < 0.13 and deviation.max() > 3 * deviation.min()


def test_grading_is_affine(pictures):
    """The ground and a square's colour tell gain and contrast, which are within their bounds."""
    graded = np.asarray(regraded(KEY, pictures))
    ground, square, given = graded[:, 0, 0], graded[:, 8, 8], np.asarray(pictures)[:, 8, 8]
    slope = ((ground - square) / (1.0 - given)).mean(1)  # gain x contrast
    gain = (ground[:, 0] - 0.5 * slope) / 0.5
    assert np.all((gain > 0.79) & (gain < 1.16))
    contrast = slope / gain
    assert np.all((contrast > 0.69) & (contrast < 1.26)) and np.ptp(contrast) > 0.2


def test_coarse_pictures_are_those_of_fewer_pixels():
    """A gradient stays; single pixels in a chequer become grey."""
    chequer = np.indices((SIZE, SIZE)).sum(0) % 2
    shown = jnp.tile(jnp.asarray(chequer, jnp.float32)[None, ..., None], (NUMBER, 1, 1, 3))
    np.testing.assert_allclose(coarse(KEY, shown)[:, 4:-4, 4:-4], 0.5, atol=0.05)
    ramp = jnp.broadcast_to(jnp.linspace(0, 1, SIZE)[:, None, None], (2, SIZE, SIZE, 3))
    np.testing.assert_allclose(coarse(KEY, ramp)[:, 4:-4], ramp[:, 4:-4], atol=0.02)


def test_shifts_are_whole_pixels_within_their_bound(pictures):
    moved = np.asarray(shifted(KEY, pictures, 2))
    seen = set()
    for before, after in zip(np.asarray(pictures), moved, strict=True):
        steps = [(i, j) for i in range(-2, 3) for j in range(-2, 3)]
        fitting = [s for s in steps if np.array_equal(np.roll(before, s, (0, 1)), after)]
        assert len(fitting) == 1
        seen.add(fitting[0])
    assert len(seen) > 10


def test_each_picture_gets_one_of_a_list_and_keeps_its_place(pictures):
    """By two kinds that add 0.1 and 0.2 of a picture that keeps its number in a pixel."""
    kinds = tuple(lambda key, given, by=by: given - by for by in (0.1, 0.2))
    numbered = 0.5 + jnp.zeros_like(pictures).at[:, 0, 0, 0].set(jnp.arange(NUMBER) / 100.0)
    changed = np.asarray(disturbances._one_of_each(KEY, numbered, kinds)) - np.asarray(numbered)
    change = changed[:, 0, 0, 0]
    expected = np.broadcast_to(change[:, None, None, None], changed.shape)
    np.testing.assert_allclose(changed, expected, atol=1e-6)
    np.testing.assert_allclose(np.sort(change), [-0.2] * 12 + [-0.1] * 12, atol=1e-6)
    assert len(set(change[:12].round(1))) == 2  # at random, not the first half


@pytest.mark.parametrize("number", [1, pytest.param(NUMBER, marks=pytest.mark.slow)])
def test_a_batch_of_any_size_can_be_disturbed(pictures, number):
    made = np.asarray(jax.jit(disturbed)(KEY, pictures[:number]))
    assert made.shape == (number, SIZE, SIZE, 3) and made.min() >= 0.0 and made.max() <= 1.0
