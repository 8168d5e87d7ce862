"""The view bins of a rule that computes something once per view and looks it up."""

from ml_collections import ConfigDict

from sdjax.priors.embedded import EmbeddedPrior
from sdjax.priors.prior import Prior
from sdjax.rules.view_bins import (
    ViewBins,
    direction_bins,
    nearest_bins,
    single_bin,
    turn_bins,
)
from sdjax.runs.build_prior import spread_cameras
from sdjax.text.views import Prompting


def make_view_bins(config: ConfigDict, prior: Prior) -> ViewBins:
    """All views that the prior tells apart, where `config.rule.ode_bins` is None, or so many."""
    number = config.rule.ode_bins
    if not isinstance(prior, EmbeddedPrior):
        return prompt_bins(prior.prompting, number)
    if prior.views == "direction":
        _refuse(number)
        return direction_bins()
    return nearest_bins(prior.cameras if number is None else spread_cameras(config, number))


def prompt_bins(prompting: Prompting, number: int | None) -> ViewBins:
    """The bins of a prior that reads the camera in its prompts only: one where they name no
    direction, four where they do, `number` + 1 where Perp-Neg mixes them by the azimuth.

    Raises `ValueError` for Perp-Neg without a number, and for a number without Perp-Neg.
    """
    if prompting.perp_neg is not None:
        if number is None:
            raise ValueError(
                "config.rule.ode_bins is None, expected a number such as 16 with Perp-Neg, which "
                "mixes prompts anew for every azimuth."
            )
        return turn_bins(number, overhead=prompting.thresholds.overhead)
    _refuse(number)
    if not prompting.view_dependent:
        return single_bin()
    return direction_bins(**prompting.thresholds._asdict())


def _refuse(number: int | None) -> None:
    if number is not None:
        raise ValueError(
            f"config.rule.ode_bins is {number}, expected None where a prior tells at most four "
            "directions apart: they are kept exactly."
        )
