"""How many views a prior tells apart, as a config may ask."""

import jax
import numpy as np
import pytest

from sdjax.config.loading import load_config
from sdjax.runs.build_prior import embedded_cameras
from sdjax.runs.build_view_bins import make_view_bins, prompt_bins
from sdjax.text.perp_neg import DecayingWeights
from sdjax.text.views import Prompting, Thresholds
from tests import tiny
from tests.small_runs import CONFIGS

WIDE_FRONT = Prompting(thresholds=Thresholds(front=80.0))


def config_of(number):
    return load_config(CONFIGS / "embedded_3d" / "dsd.py", {"rule.ode_bins": number})


@pytest.mark.parametrize("number", [None, 4, 108])
def test_a_bank_has_a_bin_per_camera_or_so_many(number):
    """A bin for each camera that the config has in its bank, 108, are those cameras."""
    config = config_of(number)
    prior = tiny.PRIOR.replace(cameras=embedded_cameras(config))
    bins = make_view_bins(config, prior)
    assert len(bins.cameras.azimuth) == (number or 108)
    if number != 4:
        jax.tree.map(np.testing.assert_array_equal, bins.cameras, prior.cameras)


def test_a_bank_seen_by_directions_has_four_bins():
    bins = make_view_bins(config_of(None), tiny.PRIOR.replace(views="direction"))
    assert len(bins.cameras.azimuth) == 4


@pytest.mark.parametrize(
    ("prompting", "number", "expected"),
    [
        (Prompting(view_dependent=False), None, 1),
        (Prompting(), None, 4),
        (Prompting(perp_neg=DecayingWeights()), 16, 17),
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
    [(Prompting(), 16), (Prompting(perp_neg=DecayingWeights()), None)],
)
def test_a_number_that_does_not_fit_the_prompts_is_refused(prompting, number):
    with pytest.raises(ValueError, match=r"^config\.rule\.ode_bins is .*, expected [^.]*\.$"):
        prompt_bins(prompting, number)


def test_a_number_for_a_bank_seen_by_directions_is_refused():
    with pytest.raises(ValueError, match=r"^config\.rule\.ode_bins is 9, expected None"):
        make_view_bins(config_of(9), tiny.PRIOR.replace(views="direction"))
