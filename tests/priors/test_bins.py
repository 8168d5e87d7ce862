"""How many views a prior tells apart, for a rule that keeps something for each."""

import jax
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.priors.bins import prompt_bins, spread_bins
from sdjax.priors.embedded import spread
from sdjax.priors.kind import Band
from sdjax.runs.schema import load_config
from sdjax.text.perp_neg import DecayingWeights
from sdjax.text.views import Prompting, Sides, Thresholds
from tests import tiny

WIDE_FRONT = Prompting(thresholds=Thresholds(front=80.0))


def bank_of(config):
    """A prior with the cameras of a training config."""
    camera = config.camera
    band = Band(camera.elevation, camera.distance[0], camera.fovy[0])
    cameras = spread(config.prior.cameras, band, config.prior.azimuth)
    return tiny.PRIOR.replace(cameras=cameras, band=band)


@pytest.mark.parametrize("number", [None, 4, 108])
def test_a_bank_has_a_bin_per_camera_or_so_many(number):
    """A bin for each camera that the config has in its bank, 108, are those cameras."""
    prior = bank_of(load_config("embedded_3d:dsd"))
    bins = prior.view_bins(number, (-10.0, 45.0))
    assert len(bins.cameras.azimuth) == (number or 108)
    if number != 4:
        jax.tree.map(np.testing.assert_array_equal, bins.cameras, prior.cameras)


def test_a_bank_seen_by_directions_has_four_bins():
    bins = tiny.PRIOR.replace(views="direction").view_bins(None, (-10.0, 45.0))
    assert len(bins.cameras.azimuth) == 4


@pytest.mark.parametrize(
    ("prompting", "number", "expected"),
    [
        (Prompting(view_dependent=False), None, 1),
        (Prompting(), None, 4),
        (Prompting(perp_neg=DecayingWeights()), 16, 17),
        (Prompting(sides=Sides(left="a door")), None, 5),
        (Prompting(sides=Sides(left="a door"), view_dependent=False), None, 1),
        (Prompting(sides=Sides(left="a door"), perp_neg=DecayingWeights()), 16, 33),
        (Prompting(directions=8), None, 9),
        (Prompting(directions=8, sides=Sides(left="a door")), None, 9),
        (Prompting(directions=8, view_dependent=False, blend=True), None, 1),
        (Prompting(directions=8, blend=True), 16, 33),
    ],
)
def test_prompts_have_as_many_bins_as_they_tell_views_apart(prompting, number, expected):
    assert len(prompt_bins(prompting, number).cameras.azimuth) == expected


def test_thresholds_are_those_of_the_prompts():
    at_70 = jax.tree.map(lambda leaf: leaf[:1], tiny.CAMERAS)._replace(
        azimuth=np.float32([70.0]), elevation=np.float32([0.0])
    )
    found = [int(prompt_bins(p, None).bin_of(at_70)[0]) for p in (Prompting(), WIDE_FRONT)]
    assert found == [0, 1]  # side, front


@pytest.mark.parametrize(
    ("prompting", "number"),
    [
        (Prompting(), 16),
        (Prompting(perp_neg=DecayingWeights()), None),
        (Prompting(directions=8), 16),
        (Prompting(directions=8, blend=True), None),
    ],
)
def test_a_number_that_does_not_fit_the_prompts_is_refused(prompting, number):
    with pytest.raises(UserError, match=r"^config\.rule\.ode_bins is .*, expected [^.]*\.$"):
        prompt_bins(prompting, number)


def test_a_number_for_a_bank_seen_by_directions_is_refused():
    with pytest.raises(UserError, match=r"^config\.rule\.ode_bins is 9, expected None"):
        tiny.PRIOR.replace(views="direction").view_bins(9, (-10.0, 45.0))


def test_bins_of_cameras_are_those_of_the_bank_whatever_it_tells_apart():
    prior = tiny.PRIOR.replace(views="direction")
    bins = prior.camera_bins(None, (-10.0, 45.0))
    jax.tree.map(np.testing.assert_array_equal, bins.cameras, prior.cameras)
    np.testing.assert_array_equal(bins.bin_of(prior.cameras), np.arange(4))


def test_prompts_alone_need_a_number_of_cameras():
    bins = spread_bins(64, (-10.0, 45.0))
    assert len(bins.cameras.azimuth) == 64
    assert bins.cameras.elevation.min() > -10.0 and bins.cameras.elevation.max() < 45.0
    with pytest.raises(UserError, match=r"^config\.rule\.ode_bins is None, expected a number"):
        spread_bins(None, (-10.0, 45.0))
