"""Figures of views against closed forms."""

import numpy as np
import pytest

from sdjax.cameras import OCTANTS, Camera, octant
from sdjax.evaluation.figures import detail, distance, right_views

RANDOM = np.random.default_rng(0)
BANK = RANDOM.integers(0, 256, (3, 4, 8, 8, 3), np.uint8)
AZIMUTHS = np.arange(16) * 22.5 + 7.0


def test_a_rendering_is_at_no_distance_from_its_own_bank():
    assert distance(BANK[2], BANK) == (0.0, 2, 0.0, 100.0)


def test_distances_are_root_mean_squares():
    grey = np.full((1, 4, 8, 8, 3), 100, np.uint8)
    lighter = grey[0] + np.uint8(51)  # by a fifth
    found = distance(lighter, np.concatenate([grey + np.uint8(90), grey]))
    assert (found.of_views, found.of_best) == pytest.approx((39 / 255, 39 / 255))
    found = distance(lighter, grey)
    assert (found.of_views, found.of_best, found.best) == pytest.approx((0.2, 0.2, 0))
    assert found.psnr == pytest.approx(-20 * np.log10(0.2))


def test_views_of_two_objects_are_near_each_for_itself_but_not_together():
    black, white = np.zeros((4, 8, 8, 3), np.uint8), np.full((4, 8, 8, 3), 255, np.uint8)
    views = np.concatenate([white[:1], black[:3]])
    found = distance(views, np.stack([white, black]))
    assert (found.of_views, found.best) == (0.0, 1)
    assert found.of_best == pytest.approx(np.sqrt(1 / 4))


def test_the_octant_of_the_camera_is_right_and_turned_ones_are_not():
    own = np.asarray(octant(Camera(AZIMUTHS, *np.ones((3, 16)))))
    assert right_views(own, AZIMUTHS).all()
    for turn in (2, 3, 4, 5, 6):
        assert not right_views((own + turn) % 8, AZIMUTHS).any()
    beside = right_views((own + 1) % 8, AZIMUTHS), right_views((own - 1) % 8, AZIMUTHS)
    assert (beside[0] != beside[1]).all()  # the nearer neighbour alone


def test_a_guess_is_right_in_a_quarter_of_cases():
    every = np.arange(len(OCTANTS))[:, None]
    assert right_views(np.repeat(every, 16, 1), AZIMUTHS).mean() == 0.25
    assert right_views(every, np.array([359.0]))[:, 0].tolist() == [True, *[False] * 6, True]


@pytest.mark.parametrize(("cycles", "power"), [(6, 0.5 * 0.3**2), (12, 0.0), (2, 0.0)])
def test_fine_detail_is_the_power_above_half_of_nyquist(cycles, power):
    """Of 16 pixels: a wave of 6 cycles is above, one of 2 below; one of 12 is alike one of 4, the
    border itself."""
    wave = 0.5 + 0.3 * np.cos(2 * np.pi * cycles * np.arange(16) / 16)
    picture = np.broadcast_to(wave[:, None, None], (16, 16, 3))
    for one in (picture, picture.transpose(1, 0, 2)):
        shown = np.round(255.0 * one).astype(np.uint8)
        assert detail(shown[None]) == pytest.approx(power, abs=5e-4)
