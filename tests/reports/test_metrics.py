import numpy as np
import pytest

from sdjax.reports.metrics import (
    PSNR_CAP,
    diversity,
    modes_found,
    nearest_object,
    psnr,
    view_agreement,
)

RANDOM = np.random.default_rng(0)
TRUTHS = RANDOM.random((4, 3, 5, 6, 3), np.float32)


def test_psnr_of_a_constant_error():
    image = np.full((4, 4, 3), 0.3)
    assert psnr(image, image + 0.1) == pytest.approx(20.0)
    assert psnr(image, image) == PSNR_CAP
    assert psnr(image, image + 1e-9) == PSNR_CAP


def test_psnr_refuses_another_shape():
    with pytest.raises(ValueError, match=r"shape \(4, 4, 3\) are compared with \(1, 4, 3\)"):
        psnr(np.zeros((4, 4, 3)), np.zeros((1, 4, 3)))


def test_psnr_grows_by_six_decibels_when_the_error_halves():
    image, truth = TRUTHS[0], TRUTHS[1]
    half = (image.astype(np.float64) + truth) / 2
    assert psnr(half, truth) - psnr(image, truth) == pytest.approx(20 * np.log10(2))


@pytest.mark.parametrize("k", range(4))
def test_a_true_object_is_its_own_nearest(k):
    nearest = nearest_object(TRUTHS[k], TRUTHS)
    assert (nearest.index, nearest.psnr) == (k, PSNR_CAP)
    assert view_agreement(nearest) == 1.0


def test_the_nearest_is_decided_by_all_views_and_its_psnr_by_their_mean_error():
    views = TRUTHS[[2, 2, 1], [0, 1, 2]]
    nearest = nearest_object(views, TRUTHS)
    assert nearest.index == 2
    assert nearest.psnr == pytest.approx(psnr(views, TRUTHS[2]))
    np.testing.assert_array_equal(nearest.view_index, [2, 2, 1])
    assert view_agreement(nearest) == pytest.approx(2 / 3)


def test_one_view_agrees_with_itself():
    nearest = nearest_object(TRUTHS[1, :1], TRUTHS[:, :1])
    assert view_agreement(nearest) == 1.0


def test_ties_go_to_the_lowest_index_and_in_a_view_to_the_overall_object():
    same = np.stack([TRUTHS[0], TRUTHS[0]])
    assert nearest_object(TRUTHS[1], same).index == 0
    truths = TRUTHS[:2].copy()
    truths[0, 0] = truths[1, 0]  # from the first camera both look the same
    nearest = nearest_object(truths[1], truths)
    np.testing.assert_array_equal(nearest.view_index, [1, 1, 1])


def test_modes_found():
    assert modes_found([3, 1, 3, np.int64(1)]) == 2
    assert modes_found([]) == 0


def test_diversity_is_the_mean_distance_of_pairs():
    levels = np.array([0.0, 0.1, 0.4], np.float32).reshape(3, 1, 1, 1, 1)
    particles = np.broadcast_to(levels, (3, 2, 4, 4, 3))
    assert diversity(particles) == pytest.approx((0.1 + 0.4 + 0.3) / 3)
    assert diversity(particles[:1]) == 0.0
    assert diversity(np.repeat(particles[:1], 5, 0)) == 0.0
