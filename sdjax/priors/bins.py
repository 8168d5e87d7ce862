"""Bins of cameras for priors that are networks: which cameras they tell apart."""

from sdjax.cameras import spread_cameras
from sdjax.config.errors import UserError
from sdjax.rules.view_bins import (
    ViewBins,
    direction_bins,
    nearest_bins,
    octant_bins,
    refuse_number,
    rig_bins,
    single_bin,
    turn_bins,
)
from sdjax.text.views import Prompting


def spread_bins(number: int | None, elevation: tuple[float, float]) -> ViewBins:
    """`number` directions, spread evenly over a range of elevations in degrees; raises `ValueError`
    without a number."""
    if number is None:
        raise UserError(
            "config.rule.ode_bins is None, expected a number such as 64 where "
            "config.rule.ode_start is 'world_map': every camera has a start of its own."
        )
    return nearest_bins(spread_cameras(number, elevation=elevation, distance=1.0, fovy=45.0))


def prompt_bins(prompting: Prompting, number: int | None) -> ViewBins:
    """The bins of a prior that reads the camera in its prompts only: one where they name no
    direction, four where they do (five with prompts of the left and the right side, nine where they
    name octants), `number` + 1 where Perp-Neg mixes them by the azimuth (2 `number` + 1), and
    2 `number` + 1 where octants are blended: what is kept of a bin is of the mixture at its middle.

    Raises `ValueError` for Perp-Neg or a blend without a number, and for a number without them.
    """
    thresholds = prompting.thresholds
    if prompting.perp_neg is not None or prompting.blends:
        _check_number(number, "the blend of directions" if prompting.blends else "Perp-Neg")
        two_sides = prompting.two_sides or prompting.blends
        return turn_bins(number, overhead=thresholds.overhead, two_sides=two_sides)
    refuse_number(number)
    if not prompting.view_dependent:
        return single_bin()
    if prompting.names_octants:
        return octant_bins(overhead=thresholds.overhead)
    return direction_bins(**thresholds._asdict(), two_sides=prompting.two_sides)


def _check_number(number: int | None, mixes: str) -> None:
    if number is None:
        raise UserError(
            f"config.rule.ode_bins is None, expected a number such as 16 with {mixes}, which "
            "mixes prompts anew for every azimuth."
        )


def rigs_over(number: int | None, elevation: tuple[float, float], together: int) -> ViewBins:
    """Bins of a prior that sees `together` cameras of a rig at once: `number` rigs over a range of
    elevations in degrees; raises `ValueError` without a number."""
    if number is None:
        raise UserError(
            "config.rule.ode_bins is None, expected a number such as 16 where the prior knows the "
            f"camera: each bin is a rig of {together} views with an ODE of its own."
        )
    return rig_bins(number, elevation, together)
