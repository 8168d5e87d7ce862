"""Figures of a Zero-1-to-3, against views whose errors are known."""

import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.prior_training.novel_view_figures import decibels, figures, nearest, seed_spread
from sdjax.prior_training.novel_view_samples import view_sheet
from sdjax.prior_training.novel_view_trials import Trials

NOBODY = Camera(*(np.zeros(2, np.float32),) * 4)


def flat(values):
    """[..., 4, 4, 3] pictures of one grey each."""
    values = np.asarray(values)
    return np.broadcast_to(values[..., None, None, None], (*values.shape, 4, 4, 3))


def trials(determined=((True, False), (True, False))):
    """Two pictures, each with a view that is 100 and one that is 100 or 151."""
    truths = np.uint8(flat([[100, 100], [100, 100]]))
    possible = [np.uint8(flat([[100, 100], [100, 151]])), np.uint8(flat([[100, 100]]))]
    return Trials(["a", "b"], truths[:, 0], NOBODY, truths, NOBODY, np.array(determined), possible)


def drawn(values):
    """[trials, seeds, targets], as of 255."""
    return flat(np.asarray(values) / 255.0)


def test_perfect_views():
    table = figures(trials(), drawn([[[100, 100]] * 2] * 2))
    assert table["psnr"] == table["psnr_determined"] == table["nearest_open"] == 100
    assert table["share_of_22_db"] == 1 and (table["determined"], table["open"]) == (2, 2)
    assert table["spread_determined"] == table["spread_open"] == 0


def test_an_open_view_may_be_another_of_what_is_possible():
    """A seed that draws the second back is no worse for it, though it is 14 dB from the true one;
    of the other picture there is one back."""
    made = drawn([[[100, 151], [100, 100]], [[100, 100], [100, 100]]])
    table = figures(trials(), made)
    assert table["nearest_open"] == 100 and table["psnr"] == pytest.approx(89.25, abs=0.01)
    assert table["spread_open"] == pytest.approx(0.1) and table["spread_determined"] == 0
    assert table["spread_possible"] == pytest.approx(0.1)  # 0.2 and, of one object, 0
    found = nearest(trials(), np.round(255 * made))
    assert found.shape == (2, 2, 2) and found.min() == 100


def test_determined_views_are_compared_with_the_true_ones():
    made = drawn([[[110, 100]], [[151, 100]]])
    table = figures(trials(), made)
    errors = -20 * np.log10(np.array([10, 51]) / 255)
    assert table["psnr_determined"] == pytest.approx(errors.mean(), abs=0.01)
    assert table["share_of_22_db"] == 0.5
    assert table["spread_open"] == 0  # one seed


def test_what_there_is_not_has_no_figure():
    table = figures(trials([[False, False]] * 2), drawn([[[100, 100]]] * 2))
    assert table["determined"] == 0 and table["psnr_determined"] is None
    assert table["share_of_22_db"] is None and table["nearest_open"] is not None


def test_the_spread_is_the_mean_over_pairs():
    pictures = flat(np.float32([[[0.0], [51.0], [51.0]]]))
    np.testing.assert_allclose(seed_spread(pictures), [[0.2 * 2 / 3]], rtol=1e-6)
    np.testing.assert_allclose(decibels(np.array([0.1, 0.0])), [20, 100])


def test_a_sheet_has_a_row_per_picture():
    few = view_sheet(trials(), drawn([[[100, 100]]] * 2))
    more = view_sheet(trials(), drawn([[[100, 100]] * 2] * 2))
    assert few.shape[0] == more.shape[0] and few.shape[1] < more.shape[1]
